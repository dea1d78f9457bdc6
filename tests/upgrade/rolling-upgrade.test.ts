import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import type { Child } from '../../bench/child.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { runCommand } from '../cli/run-command.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
let connection: Connection;
const orchestrators: Record<string, Child> = {};

beforeAll(async () => {
  stack = await ProcessStack.start();
  connection = await Connection.connect({ address: stack.temporal.address });
  await stack.apiOnly();
});
afterAll(async () => {
  await connection?.close();
  await stack.stop();
});

const run = (...args: string[]) => runCommand(args, { env: { ...stack.env, SWITCHYARD_URL: stack.api } });

/** An orchestrator of that build, which gets the new jobs. */
async function upgradeTo(build: string): Promise<void> {
  orchestrators[build] = await stack.orchestrator(['--build-id', build]);
  // The server knows a build from its first poll on.
  await waitUntil(async () => (await run('deployment', 'current', '--set', build)).code === 0);
}

async function unfinishedOf(build: string): Promise<number> {
  const { deployments } = JSON.parse((await run('deployment', 'list', '--json')).stdout) as {
    deployments: { builds: { build: string; pinned_jobs: number }[] }[];
  };
  return deployments[0]!.builds.find((each) => each.build === build)!.pinned_jobs;
}

const work = (duration: number) => ({ service: 'simulation', payload: { duration, steps: 20, service_job: true } });

/** A site that is used all the time: as one job ends another comes, until it is stopped. */
function keepSubmitting(): { stop(): Promise<string[]> } {
  const ids: string[] = [];
  let on = true;
  const user = async () => {
    while (on) {
      const { id } = await stack.submit(work(500));
      ids.push(id);
      await stack.ended(id);
    }
  };
  const loop = Promise.all([user(), user()]).then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    async stop() {
      on = false;
      expect(await loop).toBeUndefined();
      return ids;
    },
  };
}

describe('orchestrators with a build id', () => {
  test('a rolling upgrade of orchestrator and workers under load loses nothing, fails nothing, and repeats nothing', async () => {
    const first = await stack.worker('fast-lane', ['--max-concurrent', '20']);
    await upgradeTo('1.0');
    const before = await Promise.all(Array.from({ length: 6 }, () => stack.submit(work(20_000))));
    await Promise.all(
      before.map(({ id }) => stack.until(id, (job) => job.service_job_id !== undefined && job.status === 'running')),
    );
    const load = keepSubmitting();
    await upgradeTo('1.1');
    expect(await unfinishedOf('1.0')).toBeGreaterThan(0);
    const after = await stack.submit(work(500));
    // One worker for the other, the old one while it has jobs.
    await stack.worker('fast-lane', ['--max-concurrent', '20']);
    await first.stop();
    expect((await first.exited).code).toBe(0);
    expect((await stack.ended(after.id)).status).toBe('completed');
    await waitUntil(async () => (await unfinishedOf('1.0')) === 0, 90_000, 500);
    await orchestrators['1.0']!.stop();
    const during = await load.stop();
    expect(during.length).toBeGreaterThan(3);
    for (const id of [...before.map((job) => job.id), ...during]) {
      expect((await stack.ended(id)).status).toBe('completed');
      expect(await stack.submissions(id)).toBe(1);
    }
  });

  test('a job that Temporal alone was told of is planned by the current build', async () => {
    const client = new Client({ connection });
    const args = [{ service: 'simulation', payload: { duration: 10 } }];
    const handle = await client.workflow.start('job', { taskQueue: JOBS_TASK_QUEUE, workflowId: 'by-hand', args });
    await handle.result();
    const { raw } = await handle.describe();
    expect(raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId).toBe('1.1');
  });

  test('a job whose build is gone: doctor names it, asks before it moves it, and it goes on where it was', async () => {
    const { id } = await stack.submit(work(3_000));
    await stack.until(id, (job) => job.service_job_id !== undefined);
    await orchestrators['1.1']!.kill();
    await upgradeTo('1.2');
    const named = await waitUntil(async () => {
      const ran = await run('doctor');
      return ran.stdout.includes('nobody runs that build') && ran;
    });
    expect(named.stdout).toMatch(/^FAIL +Builds +1 unfinished job of build 1\.1 cannot go on/m);
    expect(named.stdout).toContain('switchyard orchestrator --build-id 1.1');
    expect(named.code).toBe(1);
    expect(await run('doctor', '--fix')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const fixed = await run('doctor', '--fix', '--yes');
    expect(fixed.stdout).toMatch(/^ok +Fix +1 job moved$/m);
    expect(await stack.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await stack.submissions(id)).toBe(1);
  });

  test('the commands say what is and refuse what cannot be, and nothing changes', async () => {
    expect((await run('deployment', 'current')).stdout).toBe('1.2\n');
    expect(await run('deployment', 'current', '--set', '9.9')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('switchyard orchestrator --build-id 9.9'),
    });
    expect(await run('deployment', 'current', '--set', 'no good')).toMatchObject({ code: 2 });
    expect(await run('deployment', 'current', '--set', '1.2', '--unset')).toMatchObject({ code: 2 });
    expect(await run('deployment', 'move', '--build', '9.9')).toMatchObject({ code: 6 });
    expect((await run('deployment', 'move')).stderr).toContain('No job hangs on a build');
    expect((await run('deployment', 'list')).stdout).toMatch(/^1\.2 +\S+ +current +0 +1$/m);
    expect(await run('orchestrator', '--build-id', 'a b')).toMatchObject({ code: 2 });
    expect((await run('deployment', 'current')).stdout).toBe('1.2\n');
  });

  test('back to orchestrators without a build id: what is under way is moved, new jobs run as under npm start', async () => {
    const { id } = await stack.submit(work(3_000));
    await stack.until(id, (job) => job.service_job_id !== undefined);
    await orchestrators['1.2']!.kill();
    await waitUntil(async () =>
      /^FAIL +Builds +new jobs go to build 1\.2 .* nobody runs it/m.test((await run('doctor')).stdout),
    );
    expect((await run('deployment', 'current', '--unset')).code).toBe(0);
    await stack.server();
    expect((await stack.ended((await stack.submit(work(10))).id)).status).toBe('completed');
    await waitUntil(async () => (await unfinishedOf('1.2')) === 1);
    expect((await run('deployment', 'move', '--yes')).stderr).toContain('1 job of build 1.2 moved');
    expect((await stack.ended(id)).status).toBe('completed');
  });
});
