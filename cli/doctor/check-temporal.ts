import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { formatDuration } from '../../contract/duration.ts';
import { whyNoAnswer } from '../../platform/temporal/why-unreachable.ts';
import { ANSWER_MS } from '../temporal/open-temporal.ts';
import { finding, type Finding } from './finding.ts';

/** Reachable, and fit for jobs: namespace, retention, search attributes. */
export async function checkTemporal(connection: Connection, address: string, namespace: string): Promise<Finding[]> {
  const ask = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + ANSWER_MS, call);
  let version: string | null | undefined;
  try {
    version = (await ask(() => connection.workflowService.getSystemInfo({}))).serverVersion;
  } catch (error) {
    return [
      finding(
        'Temporal',
        'fail',
        `${address} does not answer: ${await whyNoAnswer(error, address)}`,
        'Check TEMPORAL_ADDRESS, TEMPORAL_TLS and TEMPORAL_API_KEY; jobs that were accepted go on when it is back.',
      ),
    ];
  }
  return [
    finding('Temporal', 'ok', `${address}, server ${version ?? 'of unknown version'}`),
    await checkNamespace(connection, namespace, ask),
    await checkSearchAttributes(connection, namespace, ask),
  ];
}

type Ask = <T>(call: () => Promise<T>) => Promise<T>;

async function checkNamespace(connection: Connection, namespace: string, ask: Ask): Promise<Finding> {
  try {
    const { config } = await ask(() => connection.workflowService.describeNamespace({ namespace }));
    const retention = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1_000;
    return finding('Namespace', 'ok', `${namespace}, ended jobs are kept for ${formatDuration(retention)}`);
  } catch (error) {
    return finding(
      'Namespace',
      'fail',
      `${namespace}: ${reason(error)}`,
      `npm start makes it where it may; or: temporal operator namespace create --namespace ${namespace} --retention 7d`,
    );
  }
}

async function checkSearchAttributes(connection: Connection, namespace: string, ask: Ask): Promise<Finding> {
  const name = 'Search attributes';
  try {
    const { customAttributes } = await ask(() => connection.operatorService.listSearchAttributes({ namespace }));
    const wanted = Object.entries(SEARCH_ATTRIBUTES);
    const missing = wanted.filter(([attribute]) => !Object.hasOwn(customAttributes ?? {}, attribute));
    if (missing.length === 0) return finding(name, 'ok', `all ${wanted.length} are there`);
    const commands = missing.map(
      ([attribute, type]) =>
        `temporal operator search-attribute create --namespace ${namespace} --name ${attribute} --type ${type}`,
    );
    return finding(
      name,
      'fail',
      `missing: ${missing.map(([attribute]) => attribute).join(', ')}`,
      ['npm start adds them where it may; or:', ...commands].join('\n'),
    );
  } catch (error) {
    return finding(name, 'skip', `the list may not be read: ${reason(error)}`);
  }
}

/** gRPC puts its own words around the server's. */
function reason(error: unknown): string {
  const { details, message } = error as { details?: string; message: string };
  return (details || message).split('\n')[0] ?? '';
}
