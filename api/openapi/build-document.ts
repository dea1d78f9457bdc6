import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import type { Route } from '../route.ts';
import { MAX_SUBSCRIPTIONS } from '../ws/messages.schema.ts';
import { componentSchemas } from './components.ts';
import { JOB_ID_EXAMPLE, ref, type Answer, type JsonSchema } from './operation.ts';

export interface DocumentOptions {
  version: string;
  /** Prefix of the paths: an address or `/api`. */
  server: string;
}

/** Any request may meet these: a query that is none, a path that cannot be read, Temporal busy or away. */
const COMMON: ErrorCode[] = [
  ...(['validation', 'malformed', 'permission', 'rate_limited', 'internal', 'service_unavailable'] as const),
];

/** The OpenAPI 3.1 document of all routes; what is served is what is described. */
export function buildDocument(routes: Route[], { version, server }: DocumentOptions): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Switchyard',
      version,
      description:
        'Durable AI jobs on Temporal: submit, watch, cancel. Errors are problem documents (RFC 9457) whose `code` is ' +
        'stable. Besides these addresses there is a WebSocket at `/ws`: send `{"type":"subscribe","job_id":"…"}`, get ' +
        'JobEvents and LiveEvents of up to ' +
        `${MAX_SUBSCRIPTIONS} jobs on one connection. ` +
        'Add `"live":"none"` (or `tokens`, ' +
        '`previews`) to get less. A preview is a binary frame: length of a JSON head (32 bits, big endian), that head, ' +
        'the picture; `"pictures":"data_url"` puts it inside the JSON instead. `{"type":"subscribe","machines":true}` ' +
        'brings MachineEvents, of all machines or, with an id in the place of true, of one.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: server }],
    tags: [
      { name: 'jobs', description: 'Submit, read, watch and steer jobs' },
      { name: 'artifacts', description: 'Files that go into jobs and come out of them' },
      { name: 'services', description: 'What jobs can ask for' },
      { name: 'operation', description: 'Pools and workers' },
      { name: 'machines', description: 'Machines, their cards, and commands to them' },
      { name: 'instances', description: 'The ComfyUI servers that machines look after' },
    ],
    paths,
    components: { schemas: componentSchemas() },
  };
}

/** And any with a body these. */
const COMMON_OF_BODIES: ErrorCode[] = ['payload_too_large', 'unsupported_media'];

function operationOf({ path, operation }: Route): Record<string, unknown> {
  const common = operation.body ? [...COMMON, ...COMMON_OF_BODIES] : COMMON;
  const { id, tag, summary, description, parameters = [], body, answers, problems = [] } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    parameters: [...pathParameters(path), ...parameters],
    ...(body ? { requestBody: body } : {}),
    responses: {
      ...answers,
      ...(body ? { 408: SLOW } : {}),
      ...problemAnswers([...new Set([...problems, ...common])], answers),
    },
  };
}

const SLOW: Answer = {
  description: '`timeout`: the body did not come, or not fast enough',
  content: { 'application/problem+json': { schema: ref('Problem') } },
};

function pathParameters(path: string): JsonSchema[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    ...pathParameter(path, name),
    schema: { type: 'string' },
  }));
}

function pathParameter(path: string, name: string | undefined): { description: string; example?: string } {
  if (path.startsWith('/machines/'))
    return name === 'id' ? { description: 'Id of the machine', example: 'box1' } : { description: 'Id of the command' };
  if (name === 'machine') return { description: 'Id of the machine', example: 'box1' };
  if (path.startsWith('/instances/')) return { description: 'Id of the instance', example: 'instance_001' };
  return name === 'id' ? { description: 'Id of the job', example: JOB_ID_EXAMPLE } : { description: 'Its name' };
}

/** Codes grouped by the HTTP status they answer with. */
function problemAnswers(codes: ErrorCode[], answers: Record<number, Answer>): Record<number, Answer> {
  const found: Record<number, Answer> = {};
  for (const status of new Set(codes.map((code) => ERROR_CODES[code].http))) {
    if (answers[status]) continue;
    const here = codes.filter((code) => ERROR_CODES[code].http === status);
    found[status] = {
      description: here.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('; '),
      content: {
        'application/problem+json': {
          schema: { allOf: [ref('Problem'), { type: 'object', properties: { code: { enum: here } } }] },
        },
      },
    };
  }
  return found;
}
