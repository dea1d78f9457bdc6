import { z } from 'zod';
import { durationSchema } from '../../contract/job.schema.ts';
import { QUEUE_PART } from '../../contract/task-queues.ts';
import { authSchema } from './auth.schema.ts';
import { asyncSchema, streamSchema } from './kind.schema.ts';
import { followUpSchema, submitSchema } from './request.schema.ts';
import { errorRuleSchema, responseSchema } from './response.schema.ts';

const name = z
  .string('must be a text')
  .regex(QUEUE_PART, 'must be lower-case letters, digits, "-" and "_", at most 64 characters');
const timeout = durationSchema(10, 86_400_000, 'between 10ms and 24h');

const inputSchema = z.strictObject({
  field: z.string().min(1).describe('Field of the payload that holds a media reference'),
  as: z
    .enum(['data_url', 'base64', 'file'])
    .default('data_url')
    .describe('`{{ inputs.<field>.data_url }}`, `….base64`, or `@<field>` of a multipart request'),
  description: z.string().default(''),
  mime: z.array(z.string()).default([]),
  required: z.boolean().default(false),
  max_bytes: z.int().min(1).default(20_000_000),
});

const common = {
  $schema: z.string().optional(),
  service: name.describe('What jobs name'),
  aliases: z.array(name).default([]).describe('More names for it'),
  title: z.string().min(1).optional(),
  description: z.string().min(1).optional(),
  base_url: z
    .string()
    .refine((url) => url.includes('${') || /^https?:\/\/[^\s?#]+$/.test(url), 'must be http(s)://host[:port][/path]'),
  auth: authSchema.default({ type: 'none' }),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent with every request'),
  params: z.record(z.string(), z.json()).default({}).describe('Constants for templates and expressions'),
  payload: z
    .record(z.string(), z.json())
    .optional()
    .describe('JSON Schema of the payload; fields it does not know are refused. Default: anything goes'),
  inputs: z.array(inputSchema).default([]),
  example: z.record(z.string(), z.json()).default({}).describe('A payload that works as it is'),
  request: submitSchema,
  response: responseSchema.prefault({}),
  errors: z.array(errorRuleSchema).default([]).describe('Before the table of HTTP statuses'),
  health: followUpSchema.optional().describe('Any 2xx means up. Default: base_url answers at all'),
  limits: z
    .strictObject({
      timeout: timeout.prefault('30s').describe('For one request'),
      idle_timeout: timeout.optional().describe('Longest silence within an answer or a stream'),
      max_response_bytes: z.int().min(1).default(67_108_864),
      retries: z.int().min(0).max(10).default(2).describe('Of requests that may be repeated'),
      concurrency: z.int().min(1).optional().describe('Jobs at once, per worker process'),
      rate: z
        .strictObject({
          requests: z.int().min(1),
          per: durationSchema(100, 86_400_000, 'between 100ms and 24h'),
          burst: z.int().min(1).optional(),
        })
        .optional()
        .describe('Requests of all kinds, per worker process'),
    })
    .prefault({}),
  breaker: z
    .strictObject({
      failures: z.int().min(1).default(5),
      open: durationSchema(100, 3_600_000, 'between 100ms and 1h').prefault('10s'),
    })
    .prefault({}),
};

/** A service as a file describes it: `<configuration folder>/rest/<any name>.json`. */
export const serviceSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('sync'), ...common }),
    z.strictObject({ kind: z.literal('async'), ...common, async: asyncSchema }),
    z.strictObject({ kind: z.literal('stream'), ...common, stream: streamSchema.prefault({}) }),
  ])
  .superRefine((service, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const fromBody = service.response.artifacts.some(({ from }) => from === 'body');
    if (fromBody && service.response.as !== 'binary')
      complain(['response', 'as'], 'must be "binary": the file is the body');
    if (service.response.as === 'binary' && !fromBody) {
      complain(['response', 'artifacts'], 'must name the file: {"from": "body", "name": "…"}');
    }
    const files = new Set(service.inputs.filter(({ as }) => as === 'file').map(({ field }) => field));
    for (const [part, text] of Object.entries(service.request.multipart ?? {})) {
      if (text.startsWith('@') && !files.has(text.slice(1))) {
        complain(['request', 'multipart', part], `names no input; declare {"field": "${text.slice(1)}", "as": "file"}`);
      }
    }
    if (service.kind === 'async' && !Object.values(service.async.states).includes('completed')) {
      complain(['async', 'states'], 'must have a word for "completed"');
    }
  });

export type RestService = z.output<typeof serviceSchema>;
export type RestKind = RestService['kind'];
export type ServiceOf<K extends RestKind> = Extract<RestService, { kind: K }>;

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Variables a service cannot do without: those that stand as `${NAME}`, without a default. In order, each once. */
export function variablesOf(document: unknown): string[] {
  return [...new Set([...JSON.stringify(document ?? null).matchAll(VARIABLE)].map((match) => match[1] as string))];
}

/** What is wrong with a document, one line for each field. */
export function problemsOf(error: z.ZodError): string {
  const lines = error.issues.map((issue) => {
    const at = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') return `${at ? `${at}.` : ''}${issue.keys.join(', ')}: is no known field`;
    if (issue.code === 'invalid_union' && issue.errors.length === 0)
      return `${at || 'kind'}: must be ${choices(issue)}`;
    return `${at || 'the document'}: ${issue.message}`;
  });
  return lines.join('; ');
}

function choices(issue: z.core.$ZodIssueInvalidUnion): string {
  return issue.discriminator === 'kind'
    ? 'sync, async or stream'
    : issue.discriminator === 'from'
      ? 'body, url or base64'
      : 'none, api_key, bearer, basic or oauth2';
}
