import { readFile, writeFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import type { Child } from '../../bench/child.ts';
import { readQueueLimit, writeQueueLimit } from '../../platform/pools/queue-config.ts';
import { createClient, unretriedConnection } from '../../platform/temporal/connection.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { runCommand, type Ran } from '../cli/run-command.ts';

let stack: ProcessStack;
let server: Child;
let worker: Child;

/** The command against the present API, in the site's data folder. */
const run = (...args: string[]): Promise<Ran> =>
  runCommand(args, { cwd: stack.dataDir, env: { ...stack.env, SWITCHYARD_URL: stack.api } });

async function pool(): Promise<{ max_concurrent_jobs: number; control: { state: string; note?: string } }> {
  const { stdout, stderr, code } = await run('pools', 'get', 'night', '--json');
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof pool>>;
}

function submit(): Promise<JobView> {
  return stack.submit({ service: 'simulation', pool: 'night', payload: { steps: 2, duration: 40 } });
}

beforeAll(async () => {
  stack = await ProcessStack.start();
  // A pool that this release knows nothing of: two lines of configuration, no code.
  const config = join(stack.dataDir, 'config');
  await cp(join(import.meta.dirname, '../../config'), config, { recursive: true });
  stack.env['SWITCHYARD_CONFIG_DIR'] = config;
  await edit(join(config, 'pools.json'), ({ pools }) => {
    pools!['night'] = { description: 'Spare machines at night', max_concurrent_jobs: 3 };
  });
  await edit(join(config, 'service-mapping.json'), ({ workers }) => {
    (workers!['simulation'] as { pools: string[] }).pools.push('night');
  });
  server = await stack.server();
  worker = await stack.worker('night');
});
afterAll(() => stack.stop());

async function edit(file: string, change: (document: Record<string, Record<string, unknown>>) => void): Promise<void> {
  const document = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, unknown>>;
  change(document);
  await writeFile(file, JSON.stringify(document));
}

test('a new pool runs jobs by configuration alone', async () => {
  expect((await stack.ended((await submit()).id)).status).toBe('completed');
  expect((await run('pools')).stdout).toMatch(/^night +active .*Spare machines/m);
});

test('a paused pool with changed numbers stays so while API, worker and Temporal are killed and come back', async () => {
  const paused = await run('pools', 'pause', 'night', '--note', 'power cut');
  expect(paused).toMatchObject({ code: 0, stdout: '' });
  expect(paused.stderr).toContain('Pool night is paused');
  const set = await run('pools', 'set', 'night', 'max-concurrent-jobs=1', 'retry_attempts=0');
  expect(set.stdout).toMatch(/^state +paused$/m);
  expect(set.stdout).toMatch(/^max_concurrent_jobs +1 \(pools.json: 3\)$/m);
  const before = await submit();
  await stack.until(before.id, (job) => job.status_reason === 'paused');

  await worker.kill();
  await server.kill();
  await stack.temporal.kill();
  await stack.temporal.restart();
  server = await stack.server();
  worker = await stack.worker('night');

  expect(await pool()).toMatchObject({ max_concurrent_jobs: 1, control: { state: 'paused', note: 'power cut' } });
  const after = await submit();
  expect(after.max_attempts).toBe(1);
  for (const { id } of [before, after]) await stack.until(id, (job) => job.status_reason === 'paused');
  // Another queue of the same server serves its jobs: what waits does not wait for the start.
  const standard = await stack.worker('standard');
  const other = await stack.submit({ service: 'simulation', pool: 'standard', payload: { steps: 1, duration: 20 } });
  expect((await stack.ended(other.id)).status).toBe('completed');
  await standard.kill();
  for (const { id } of [before, after]) expect((await stack.get(id)).status).toBe('queued');

  expect((await run('pools', 'resume', 'night')).code).toBe(0);
  for (const { id } of [before, after]) expect((await stack.ended(id)).status).toBe('completed');
});

test('a worker that starts holds a queue that nobody held, and lets go one that was left behind', async () => {
  const client = temporalClient();
  try {
    const left = { perSecond: 0, reason: 'Switchyard: pool night is paused; switchyard pools resume night' };
    await writeQueueLimit(client, 'night.simulation', left, 10_000);
    await worker.kill();
    worker = await stack.worker('night');
    expect(await readQueueLimit(client, 'night.simulation', 10_000)).toBeUndefined();
    await run('pools', 'drain', 'night', '--wait');
    expect((await pool()).control.state).toBe('drained');
    await writeQueueLimit(client, 'night.simulation', undefined, 10_000);
    await worker.kill();
    worker = await stack.worker('night');
    expect(await readQueueLimit(client, 'night.simulation', 10_000)).toMatchObject({ perSecond: 0 });
    await run('pools', 'resume', 'night');
  } finally {
    await client.connection.close();
  }
});

function temporalClient() {
  const none = { temporalApiKey: undefined, temporalTls: false };
  const connection = unretriedConnection({ temporalAddress: stack.temporal.address, ...none });
  return createClient(connection, stack.temporal.namespace);
}

test.each([
  [['get', 'nihgt'], 6, /no pool "nihgt"; did you mean night\?/],
  [['pause', 'nowhere'], 6, /there are: /],
  [['set', 'night', 'max_jobs=3'], 2, /"max_jobs" is nothing that can be set/],
  [['set', 'night', 'retry_attempts'], 2, /retry_attempts=default/],
  [['set', 'night', 'retry_attempts=-1'], 2, /retry_attempts must be a whole number from 0 to 99/],
  [['set', 'night', 'timeout_seconds=soon'], 2, /timeout_seconds must be a number over 0/],
])('switchyard pools %j is refused by name', async (args, code, text) => {
  const ran = await run('pools', ...args);
  expect(ran.stderr).toMatch(text);
  expect(ran.code).toBe(code);
});

test('a job still waits when its worker is drained away and nobody serves the queue', async () => {
  await run('pools', 'pause', 'night');
  await worker.kill();
  const { id } = await submit();
  await stack.until(id, (job) => job.status_reason === 'paused');
  await run('pools', 'resume', 'night');
  await stack.until(id, (job) => job.status_reason === 'no_worker');
  worker = await stack.worker('night');
  await waitUntil(async () => (await stack.get(id)).status === 'completed');
});
