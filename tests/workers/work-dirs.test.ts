import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { sweepWorkDirs } from '../../activities/process-job/work-dir.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { keepWorkDirs } from '../../workers/pool/keep-work-dirs.ts';
import { InProcessStack } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';

describe('what jobs have left in the work folder', () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.start();
  });
  afterAll(() => stack.stop());

  const start = (workflowId: string) =>
    stack.client.workflow.start('job', {
      taskQueue: JOBS_TASK_QUEUE,
      workflowId,
      args: [{ service: 'scripted', payload: {} }],
    });

  test('goes once the job is over, however it ended; that of a job under way stays', async () => {
    const left: string[] = [];
    stack.connector.script = async (job, _progress, context) => {
      left.push(context.workDir);
      await writeFile(join(context.workDir, 'part'), 'finished');
      if (job.id === 'under-way') await untilAborted(context.signal);
      throw new ConnectorError('backend_error', 'comes back later', { retry_after_ms: 3_600_000 });
    };
    const [cancelled, terminated, underWay] = await Promise.all(
      ['job/cancelled', 'terminated by hand', 'job/under-way'].map((id) => start(id)),
    );
    const waitsForRetry = async (handle: typeof cancelled) =>
      (await handle!.describe()).raw.pendingActivities?.[0]?.lastFailure != null;
    await waitUntil(async () => (await waitsForRetry(cancelled)) && (await waitsForRetry(terminated)));
    await waitUntil(() => left.length === 3);
    const root = join(stack.dataDir, 'work');
    expect(await readdir(root)).toHaveLength(3);

    await cancelled!.cancel();
    await terminated!.terminate();
    await cancelled!.result().catch(() => {});
    const options = { root, client: stack.client, logger: pino({ level: 'silent' }), intervalMs: 100, restMs: 0 };
    const kept = keepWorkDirs(options);
    try {
      await waitUntil(async () => (await readdir(root)).length === 1);
      expect(await readdir(join(root, (await readdir(root))[0]!))).toContain('part');
    } finally {
      kept.stop();
    }
    await underWay!.cancel();
    await underWay!.result().catch(() => {});
    expect(await readdir(root)).toEqual([]);
  });
});

describe('a folder whose job nobody knows', () => {
  test('goes by its age, and what lies inside counts', async () => {
    const root = temporaryFolder();
    const old = new Date(1_000_000);
    for (const name of ['stale', 'in-use']) {
      await mkdir(join(root, name, 'tiles'), { recursive: true });
      await utimes(join(root, name, 'tiles'), old, name === 'stale' ? old : new Date(9_000_000));
      await utimes(join(root, name), old, old);
    }
    await sweepWorkDirs(root, 10_000_000, { staleMs: 5_000_000 });
    expect(await readdir(root)).toEqual(['in-use']);
  });
});
