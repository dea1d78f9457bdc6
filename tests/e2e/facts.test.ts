import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;

beforeAll(async () => {
  stack = await ProcessStack.start();
  await stack.server();
  await stack.worker('fast-lane', ['--capabilities', 'simulation']);
});

afterAll(async () => stack.stop());

const read = async <T>(path: string) => (await (await fetch(`${stack.api}/api/${path}`)).json()) as T;

test('a job for two GPUs waits on a machine without, and goes to the machine that comes with two', async () => {
  const payload = { duration: '50ms' };
  const strict = await stack.submit({ service: 'simulation', payload, requirements: { gpu_count: 2 } });
  await waitUntil(async () => {
    const job = await read<JobView>(`jobs/${strict.id}`);
    expect(job.status_message).toContain('2 GPUs');
    return job.status === 'queued' && job.status_reason === 'unmatched_requirements';
  });
  const plain = await stack.submit({ service: 'simulation', payload });
  await waitUntil(async () => (await read<JobView>(`jobs/${plain.id}`)).status === 'completed');
  expect((await read<JobView>(`jobs/${strict.id}`)).status).toBe('queued');

  await stack.worker('standard', ['--capabilities', 'simulation'], { SWITCHYARD_MOCK_GPUS: '2' });
  const done = await waitUntil(async () => {
    const job = await read<JobView>(`jobs/${strict.id}`);
    return job.status === 'completed' && job;
  });
  expect(done).toMatchObject({ pool: 'standard', worker: expect.stringContaining('worker/standard') });

  type Pools = { pools: { name: string; queues: { derived?: { task_queue: string; needs: string }[] }[] }[] };
  await waitUntil(async () => {
    const { pools } = await read<Pools>('pools');
    const derived = pools.flatMap(({ queues }) => queues.flatMap((queue) => queue.derived ?? []));
    return derived.some((one) => one.task_queue === 'any.simulation.gpu2' && one.needs === '2 GPUs');
  });
});
