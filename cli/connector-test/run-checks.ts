import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { CheckFailure, NotApplicable } from './bench.ts';
import { CONTRACT_CHECKS } from './contract-checks.ts';
import type { LiveBench } from './live-bench.ts';
import { type CheckResult, WITH_A_DOUBLE_ONLY } from './report.ts';
import type { LiveSubject } from './subject.ts';

export interface ChecksRun {
  subject: LiveSubject;
  payload: Record<string, unknown>;
  /** Why no jobs may be submitted; undefined: they may. */
  noJobs: string | undefined;
  /** Ids of the only checks wanted; empty: all. */
  only: readonly string[];
  benchFor(connector: ConnectorInterface): LiveBench;
}

const NO_QUERY = 'the connector cannot ask for a job again (supportsJobStatusQuery is false)';
const NO_SUCH_JOB = 'switchyard-no-such-job';

/** Jobs that all checks together would submit. */
export function jobsNeeded(only: readonly string[]): number {
  const wanted = CONTRACT_CHECKS.filter(({ id }) => only.length === 0 || only.includes(id));
  const shared = wanted.some(({ id }) => ['runs', 'progress', 'underway'].includes(id)) ? 1 : 0;
  return shared + wanted.filter(({ id }) => id !== 'runs').reduce((sum, check) => sum + check.jobs({ crowd: 2 }), 0);
}

/** All ids that `--only` may name. */
export const CHECK_IDS: readonly string[] = [
  'settings',
  'start',
  'health',
  'status-query',
  'payload',
  ...CONTRACT_CHECKS.map(({ id }) => id),
  'leave',
];

/** Runs the contract against a live service, one check after the other, and tells each as it is known. */
export async function* runChecks(run: ChecksRun): AsyncGenerator<CheckResult> {
  const { subject, payload, noJobs, only } = run;
  const wanted = (id: string) => only.length === 0 || only.includes(id);
  const made = subject.make();
  let broken: string | undefined;
  const free: [id: string, title: string, body: () => Promise<string | void>, needed: boolean][] = [
    ['settings', 'everything that is required is set', async () => settings(subject), true],
    ['start', 'the connector starts', async () => start(made), true],
    ['health', 'the service is healthy', async () => health(made), false],
    ['status-query', 'an id that the service does not know is unknown', async () => statusQuery(made), false],
    ['payload', 'the payload fits, and an unknown field is refused', async () => checkPayload(subject, payload), true],
  ];
  for (const [id, title, body, needed] of free) {
    if (!wanted(id) && !needed) continue;
    const result = broken === undefined ? await tried(id, title, body) : notRun(id, title, broken);
    if (result.status === 'failed' && needed) broken = `"${title}" failed`;
    if (wanted(id) || result.status !== 'passed') yield result;
  }
  const bench = run.benchFor(made);
  try {
    for (const check of CONTRACT_CHECKS.filter(({ id }) => wanted(id))) {
      const { id, title } = check;
      const why = broken ?? noJobs;
      if (id === 'handover' && why === undefined && !made.getHealthCheckCapabilities().supportsJobStatusQuery) {
        yield { id, title, status: 'not_applicable', seen: NO_QUERY };
        continue;
      }
      const result = why === undefined ? await tried(id, title, () => check.run(bench)) : notRun(id, title, why);
      if (id === 'runs' && result.status === 'failed') broken = `"${title}" failed`;
      // A service that tells nothing on the way is no fault of the connector.
      if (id === 'underway' && result.status === 'failed') result.status = 'not_applicable';
      yield result;
    }
  } finally {
    await bench.stopAll();
  }
  const leave = await tried('leave', 'the connector lets go of the service', () => bench.connector.cleanup());
  if (wanted('leave') || leave.status !== 'passed') yield leave;
  if (only.length > 0) return;
  for (const [id, title] of WITH_A_DOUBLE_ONLY) {
    yield {
      id,
      title,
      status: 'not_applicable',
      seen: 'a live service cannot be told to do so; the tests with a double do',
    };
  }
}

function notRun(id: string, title: string, why: string): CheckResult {
  return { id, title, status: 'not_run', seen: why };
}

async function tried(id: string, title: string, body: () => Promise<string | void>): Promise<CheckResult> {
  const started = performance.now();
  const took = () => ({ took_ms: Math.round(performance.now() - started) });
  try {
    const seen = await body();
    return { id, title, status: 'passed', ...(seen ? { seen } : {}), ...took() };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof NotApplicable) return { id, title, status: 'not_applicable', seen: message };
    const advice = error instanceof CheckFailure ? error.advice : undefined;
    return { id, title, status: 'failed', seen: message, advice, ...took() };
  }
}

function settings({ missing, className, family }: LiveSubject): void {
  if (missing.length === 0) return;
  throw new CheckFailure(
    `${className} needs ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} not set`,
    `Set ${missing.length === 1 ? 'it' : 'them'} in the environment, or in .env.${family}.local.`,
  );
}

async function start(connector: ConnectorInterface): Promise<void> {
  try {
    await connector.initialize();
  } catch (error) {
    throw new CheckFailure(
      `initialize() failed: ${(error as Error).message}`,
      'Mend what it names: the address, the credentials, a setting.',
    );
  }
}

async function health(connector: ConnectorInterface): Promise<string> {
  const info = await connector.getServiceInfo();
  const healthy = await connector.checkHealth();
  const where = info.base_url ? ` at ${info.base_url}` : '';
  if (healthy) return `${info.service_name}${where} is ${info.status}`;
  throw new CheckFailure(
    `checkHealth() says no; getServiceInfo() says ${info.status}${where}`,
    'Is the service running, is the address right, is the key let in? --url tries another address.',
  );
}

async function statusQuery(connector: ConnectorInterface): Promise<string> {
  if (!connector.getHealthCheckCapabilities().supportsJobStatusQuery) {
    throw new NotApplicable(NO_QUERY);
  }
  const { status } = await connector.queryJobStatus(NO_SUCH_JOB);
  if (status === 'unknown') return 'queryJobStatus() answers "unknown"';
  throw new CheckFailure(
    `queryJobStatus("${NO_SUCH_JOB}") answers "${status}"`,
    'Answer "unknown" for an id that the service does not know: a job with such an id is submitted again.',
  );
}

function checkPayload({ manifest }: LiveSubject, payload: Record<string, unknown>): string {
  const parsed = manifest.payload.safeParse(payload);
  if (!parsed.success) {
    const faults = fieldErrorsOf(parsed.error, '/payload').map(({ pointer, detail }) => `${pointer} ${detail}`);
    throw new CheckFailure(
      `the payload does not fit its schema: ${faults.join('; ')}`,
      'Give a job with --job FILE, or mend `example` in the manifest.',
    );
  }
  const loose = manifest.payload.safeParse({ ...payload, switchyard_no_such_field: 1 }).success;
  return loose ? 'it fits; fields that nobody knows are taken too, so a typo is passed over' : 'it fits';
}
