import { manifestsOf } from '../../../connectors/rest/payload.schema.ts';
import { variablesOf } from '../../../connectors/rest/service.schema.ts';
import { meant } from '../../../platform/config/nearest.ts';
import { usageError } from '../../cli-error.ts';
import type { ConnectorNames } from '../names.ts';
import { asyncOf } from './async-of.ts';
import { authOf } from './auth-of.ts';
import type { FoundOperation, OpenApiDocument, Operation } from './document.ts';
import { requestOf } from './request-of.ts';
import { responseOf } from './response-of.ts';

const METHODS = ['post', 'put', 'patch', 'get', 'delete'] as const;

/** A service file that was made, with what its reader should look at. */
export interface MadeService {
  document: Record<string, unknown>;
  remarks: string[];
  /** Variables that a worker needs. */
  variables: string[];
}

/** An operation as the list shows it. */
export interface ListedOperation {
  id: string;
  method: string;
  path: string;
  summary: string;
  kind?: string;
  /** Why it cannot be used; undefined when it can. */
  problem?: string;
}

/** All operations of a document, those that begin work first. */
function operationsOf(document: OpenApiDocument): FoundOperation[] {
  return METHODS.flatMap((method) =>
    Object.entries(document.paths ?? {}).flatMap(([path, item]) => {
      const operation = item[method] as Operation | undefined;
      if (!operation) return [];
      const verb = method.toUpperCase();
      return [{ id: operation.operationId ?? `${verb} ${path}`, method: verb, path, item, operation }];
    }),
  );
}

export function listOperations(document: OpenApiDocument, source: string, names: ConnectorNames): ListedOperation[] {
  return operationsOf(document).map((found) => {
    const { id, method, path, operation } = found;
    const made = serviceFile(document, source, found, names);
    const summary = operation.summary ?? operation.description?.split('\n')[0] ?? '';
    const common = { id, method, path, summary };
    return typeof made === 'string' ? { ...common, problem: made } : { ...common, kind: String(made.document['kind']) };
  });
}

/** @throws CliError (usage) naming operations like it */
export function findOperation(document: OpenApiDocument, wanted: string): FoundOperation {
  const all = operationsOf(document);
  const plain = (text: string) => text.toLowerCase().replaceAll(/\s+/g, ' ').trim();
  const found =
    all.find(({ id }) => id === wanted) ??
    all.find(({ method, path }) => plain(`${method} ${path}`) === plain(wanted)) ??
    all.find(({ id }) => plain(id) === plain(wanted));
  if (found) return found;
  throw usageError(
    `--operation: there is no operation "${wanted}"`,
    meant(
      wanted,
      all.map(({ id }) => id),
    ),
  );
}

/**
 * The service file for an operation.
 * @param source of the document: relative addresses of servers start there
 * @returns the reason when a service file cannot say it
 */
export function serviceFile(
  document: OpenApiDocument,
  source: string,
  found: FoundOperation,
  names: ConnectorNames,
): MadeService | string {
  const remarks = new Set<string>();
  const { operation, item } = found;
  const auth = authOf(document, operation, names.variables);
  if (typeof auth === 'string') return auth;
  for (const remark of auth.remarks) remarks.add(remark);
  const credentials = [auth.auth['name'], ...Object.keys(auth.headers), ...Object.keys(auth.query)];
  const request = requestOf(found, new Set(credentials.map((name) => String(name).toLowerCase())), remarks);
  if (typeof request === 'string') return request;
  const answer = responseOf(operation, remarks);
  if (typeof answer === 'string') return answer;
  const asked = found.method === 'POST' ? asyncOf(document, found, answer.schema, remarks) : undefined;
  const server = (operation.servers ?? item.servers ?? document.servers ?? [])[0];
  const title = operation.summary ?? document.info?.title;
  const headers = { ...auth.headers };
  const sent = { ...(answer.accept ? { Accept: answer.accept } : {}), ...(request.request['headers'] as object) };
  const query = { ...(request.request['query'] as object), ...auth.query };
  const made: Record<string, unknown> = {
    service: names.service,
    kind: asked ? 'async' : answer.stream ? 'stream' : 'sync',
    title: (title?.trim() || names.title).slice(0, 200),
    description: (operation.description ?? title ?? `${found.method} ${found.path}`).trim().slice(0, 2_000),
    base_url: baseUrl(server, source, names.variables),
    auth: auth.auth,
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(request.payload ? { payload: request.payload } : {}),
    ...(request.inputs.length > 0 ? { inputs: request.inputs } : {}),
    example: request.example,
    request: {
      ...request.request,
      ...(Object.keys(query).length > 0 ? { query } : {}),
      ...(Object.keys(sent).length > 0 ? { headers: sent } : {}),
      // Who knows what a request costs: in doubt it is not sent twice.
      ...(found.method === 'GET' || found.method === 'PUT' ? {} : { in_doubt: 'fail' }),
    },
    ...(asked ? { async: asked.async } : {}),
    ...(answer.stream ? { stream: { transport: 'sse' } } : {}),
    response: asked ? asked.response : answer.response,
  };
  const foreign = foreignVariable(made, names.variables);
  if (foreign) return `it says ${foreign}, which would be read from the environment of the worker`;
  return checked(made, remarks);
}

/** A document from elsewhere must not read the secrets of a worker: what looks like a variable has to be one of ours. */
function foreignVariable(made: unknown, prefix: string): string | undefined {
  const named = JSON.stringify(made).match(/\$\{\w+/g) ?? [];
  const other = named.find((each) => !each.startsWith(`\${${prefix}_`));
  return other && `${other}}`;
}

/** A payload that cannot be said in a schema, or an example that does not fit it, must not keep the service away. */
function checked(made: Record<string, unknown>, remarks: Set<string>): MadeService | string {
  const problem = problemWith(made);
  if (problem === undefined) return { document: made, remarks: [...remarks], variables: variablesOf(made) };
  const { payload: _, ...open } = made;
  const rest = problemWith(open);
  if (rest !== undefined) return rest;
  remarks.add(`the payload is not checked (${problem}): add "payload" and "example" yourself`);
  return { document: open, remarks: [...remarks], variables: variablesOf(open) };
}

function problemWith(document: Record<string, unknown>): string | undefined {
  try {
    manifestsOf(JSON.parse(JSON.stringify(document)));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function baseUrl(
  server: { url: string; variables?: Record<string, { default?: string }> } | undefined,
  source: string,
  prefix: string,
): string {
  const url = (server?.url ?? '').replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => server?.variables?.[name]?.default ?? '',
  );
  const absolute = URL.canParse(url) ? url : URL.canParse(source) ? new URL(url || '/', source).href : undefined;
  if (absolute && /^https?:/.test(absolute)) {
    return `\${${prefix}_BASE_URL:-${absolute.replace(/[?#].*$/, '').replace(/\/+$/, '')}}`;
  }
  return `\${${prefix}_BASE_URL}${url.startsWith('/') ? url.replace(/\/+$/, '') : ''}`;
}
