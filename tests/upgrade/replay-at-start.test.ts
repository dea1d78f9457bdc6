import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { readJsonFile } from '../../platform/processes/json-file.ts';
import { type ReplayRecord, replayRecordFile } from '../../platform/temporal/deployments/replay-record.ts';
import { runCommand } from '../cli/run-command.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
let connection: Connection;

beforeAll(async () => {
  stack = await ProcessStack.start();
  connection = await Connection.connect({ address: stack.temporal.address });
});
afterAll(async () => {
  await connection?.close();
  await stack?.stop();
});

const record = () => readJsonFile<ReplayRecord>(replayRecordFile(stack.dataDir));

/** An orchestrator in whose time the workflow of a job was written otherwise; leaves one job unfinished. */
async function formerBuild(workflowId: string): Promise<void> {
  const folder = await mkdtemp(join(import.meta.dirname, 'former-'));
  const native = await NativeConnection.connect({ address: stack.temporal.address });
  try {
    const workflowsPath = join(folder, 'workflows.js');
    await writeFile(
      workflowsPath,
      "import { sleep } from '@temporalio/workflow';\nexport async function job() { await sleep('1h'); }\n",
    );
    const worker = await Worker.create({ connection: native, taskQueue: JOBS_TASK_QUEUE, workflowsPath });
    await worker.runUntil(async () => {
      const client = new Client({ connection });
      const handle = await client.workflow.start('job', { taskQueue: JOBS_TASK_QUEUE, workflowId });
      await waitUntil(async () =>
        (await handle.fetchHistory()).events?.some(({ timerStartedEventAttributes: timer }) => timer),
      );
    });
  } finally {
    await native.close();
    await rm(folder, { recursive: true });
  }
}

test('an orchestrator that starts anew proves that unfinished jobs go on, and names those that cannot', async () => {
  const first = await stack.server();
  expect(record()).toMatchObject({ checked: 0, broken: [] });
  await stack.submit({ service: 'simulation' });
  await first.stop();

  const known = record()!;
  const second = await stack.server();
  // The same workflows as before: not looked at again.
  expect(record()).toEqual(known);
  await second.stop();

  await formerBuild('job/of-another-time');
  await writeFile(replayRecordFile(stack.dataDir), JSON.stringify({ ...known, bundle: 'another' }));
  await stack.server();
  const found = await waitUntil(async () => {
    const now = record();
    return now?.bundle === known.bundle && now;
  });
  expect(found.checked).toBe(2);
  expect(found.broken).toEqual([
    { workflow_id: 'job/of-another-time', job_id: 'of-another-time', reason: expect.stringMatching(/nondetermin/i) },
  ]);
  const { stdout } = await runCommand(['doctor'], { env: { ...stack.env, SWITCHYARD_URL: stack.api } });
  expect(stdout).toMatch(/of-another-time/);
});
