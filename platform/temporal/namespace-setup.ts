import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionLike, isGrpcServiceError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { formatDuration, parseDuration } from '../../contract/duration.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';

/** temporal.api.enums.v1.IndexedValueType, under the names that `temporal operator search-attribute` uses. */
const TYPES = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 } as const;

export type SearchAttributeType = keyof typeof TYPES;
export type SearchAttributeTypes = Readonly<Record<string, SearchAttributeType>>;

/** gRPC status codes (grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

export interface NamespaceSetup {
  namespace: string;
  /** Least time that ended jobs stay readable. A longer one is left as it is. Default: 7d. */
  retention?: string;
  /** Search attributes that must be there; default: Switchyard's own. */
  searchAttributes?: SearchAttributeTypes;
  /** How long the server may take to know a new attribute, milliseconds. Default: 60 s. */
  timeoutMs?: number;
}

export interface NamespaceReport {
  /** What was changed, in words. */
  changes: string[];
  /** What could not be changed and can be lived with. */
  warnings: string[];
}

/** The namespace lacks something that jobs need and that we may not add; the message holds the commands that do. */
export class NamespaceSetupError extends Error {
  override readonly name = 'NamespaceSetupError';
}

/**
 * Makes a namespace fit for Switchyard: it exists, keeps ended jobs long enough and knows our search attributes. Works
 * on an embedded server and on clusters, and changes nothing the second time.
 * @throws NamespaceSetupError when something is missing that this connection may not add
 */
export async function prepareNamespace(connection: ConnectionLike, setup: NamespaceSetup): Promise<NamespaceReport> {
  const report: NamespaceReport = { changes: [], warnings: [] };
  await ensureRetention(connection, setup, report);
  await ensureSearchAttributes(connection, setup, report);
  return report;
}

async function ensureRetention(
  connection: ConnectionLike,
  setup: NamespaceSetup,
  report: NamespaceReport,
): Promise<void> {
  const { namespace } = setup;
  const { workflowService } = connection;
  const retention = setup.retention ?? '7d';
  const wantedMs = parseDuration(retention);
  if (wantedMs === undefined) throw new TypeError(`retention: ${retention} is not a duration`);
  let presentMs: number;
  try {
    const { config } = await workflowService.describeNamespace({ namespace });
    presentMs = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1_000;
  } catch (error) {
    if (!isGrpcServiceError(error) || error.code !== NOT_FOUND) throw error;
    await createNamespace(connection, namespace, wantedMs);
    report.changes.push(`made the namespace ${namespace}, which keeps ended jobs for ${retention}`);
    return;
  }
  if (presentMs >= wantedMs) return;
  try {
    await workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: durationOf(wantedMs) },
    });
    report.changes.push(`ended jobs are now kept for ${retention} (before: ${formatDuration(presentMs)})`);
  } catch (error) {
    if (!isRefused(error)) throw error;
    report.warnings.push(
      `namespace ${namespace} keeps ended jobs for ${formatDuration(presentMs)} only, and this connection may not change that; ` +
        `somebody who may can run: temporal operator namespace update --namespace ${namespace} --retention ${retention}`,
    );
  }
}

async function createNamespace(connection: ConnectionLike, namespace: string, retentionMs: number): Promise<void> {
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: durationOf(retentionMs),
    });
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === ALREADY_EXISTS) return;
    if (!isRefused(error)) throw error;
    throw new NamespaceSetupError(
      `Temporal has no namespace "${namespace}" and this connection may not make one. Either set TEMPORAL_NAMESPACE to one that exists, or let somebody who may run:\n` +
        `  temporal operator namespace create --namespace ${namespace} --retention ${formatDuration(retentionMs)}`,
    );
  }
}

async function ensureSearchAttributes(
  connection: ConnectionLike,
  setup: NamespaceSetup,
  report: NamespaceReport,
): Promise<void> {
  const { namespace } = setup;
  const wanted = Object.entries<SearchAttributeType>(setup.searchAttributes ?? SEARCH_ATTRIBUTES);
  const deadline = Date.now() + (setup.timeoutMs ?? 60_000);
  const present = await presentAttributes(connection, namespace, wanted, deadline);
  const clashes = wanted.filter(([name, type]) => present.has(name) && present.get(name) !== type);
  if (clashes.length > 0) {
    const list = clashes.map(([name, type]) => `${name} is ${present.get(name)}, needed is ${type}`).join('; ');
    throw new NamespaceSetupError(
      `Search attributes of namespace "${namespace}" have another type than Switchyard needs: ${list}. ` +
        'Use another namespace (TEMPORAL_NAMESPACE), or remove them: temporal operator search-attribute remove --name NAME',
    );
  }
  const missing = wanted.filter(([name]) => !present.has(name));
  if (missing.length > 0) {
    await addAttributes(connection, namespace, missing);
    report.changes.push(`added the search attributes ${missing.map(([name]) => name).join(', ')}`);
  }
  // The server learns of new attributes with a delay; jobs started before that would be refused.
  await untilQueryable(
    connection,
    namespace,
    wanted.map(([name]) => name),
    deadline,
  );
}

/** Name -> type. Where the list may not be read, an attribute that can be queried counts as present. */
async function presentAttributes(
  connection: ConnectionLike,
  namespace: string,
  wanted: [string, string][],
  deadline: number,
): Promise<Map<string, string>> {
  for (;;) {
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      return new Map(Object.entries(customAttributes ?? {}).map(([name, type]) => [name, typeName(type)]));
    } catch (error) {
      if (isRefused(error)) break;
      // A namespace made a moment ago is not known everywhere yet.
      if (!isGrpcServiceError(error) || error.code !== NOT_FOUND || Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
  const queryable = await Promise.all(
    wanted.map(async ([name, type]) =>
      (await isQueryable(connection, namespace, name)) ? [[name, type] as const] : [],
    ),
  );
  return new Map(queryable.flat());
}

async function addAttributes(connection: ConnectionLike, namespace: string, missing: [string, SearchAttributeType][]) {
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, TYPES[type]])),
    });
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === ALREADY_EXISTS) return;
    const why = isRefused(error)
      ? 'this connection may not add them'
      : `the server refused them (${(error as Error).message})`;
    throw new NamespaceSetupError(
      `Namespace "${namespace}" lacks search attributes that jobs need, and ${why}. Somebody who may can run:\n` +
        missing
          .map(
            ([name, type]) =>
              `  temporal operator search-attribute create --namespace ${namespace} --name ${name} --type ${type}`,
          )
          .join('\n'),
    );
  }
}

async function untilQueryable(
  connection: ConnectionLike,
  namespace: string,
  names: string[],
  deadline: number,
): Promise<void> {
  for (let waiting = names; waiting.length > 0; ) {
    const known = await Promise.all(waiting.map((name) => isQueryable(connection, namespace, name)));
    waiting = waiting.filter((_, index) => !known[index]);
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      throw new NamespaceSetupError(
        `Temporal still does not know the search attributes ${waiting.join(', ')} of namespace "${namespace}"; try again in a minute`,
      );
    }
    await sleep(200);
  }
}

async function isQueryable(connection: ConnectionLike, namespace: string, name: string): Promise<boolean> {
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} IS NOT NULL` });
    return true;
  } catch (error) {
    if (isGrpcServiceError(error)) return false;
    throw error;
  }
}

function isRefused(error: unknown): boolean {
  return isGrpcServiceError(error) && (error.code === PERMISSION_DENIED || error.code === UNIMPLEMENTED);
}

function typeName(type: number): string {
  return Object.entries(TYPES).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}

function durationOf(ms: number) {
  return proto.google.protobuf.Duration.fromObject({ seconds: Math.round(ms / 1_000) });
}
