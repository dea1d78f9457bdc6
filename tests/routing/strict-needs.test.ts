import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import type { JobOutcome } from '../../contract/plan.ts';
import { NEEDS_WORKFLOW_ID } from '../../contract/needs.ts';
import { JobReader } from '../../platform/jobs/job-reader.ts';
import { planJob } from '../../platform/routing/plan-job.ts';
import { InProcessStack, scriptedCatalog } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: InProcessStack;
let jobs = 0;

beforeAll(async () => {
  stack = await InProcessStack.start({
    pools: [],
    presence: true,
    catalog: scriptedCatalog({ first: {}, second: {} }),
  });
  await stack.startPool('first', { identity: 'bare', facts: {} });
  await waitUntil(() => stack.presence!.queue('first.scripted') === 'free');
});

afterAll(async () => stack.stop());

function submit(document: object): Promise<WorkflowHandle> {
  const { job, plan } = planJob({ service: 'scripted', ...document }, stack.catalog, stack.planning, Date.now());
  return start([job, { plan }]);
}

function start(args: unknown[]): Promise<WorkflowHandle> {
  return stack.client.workflow.start('job', { workflowId: `need-${++jobs}`, taskQueue: 'jobs', args });
}

async function stateOf(handle: WorkflowHandle) {
  const reader = new JobReader({
    client: stack.client,
    queues: (queue) => stack.presence!.queue(queue),
    addresses: { apiUrl: '/api', namespace: 'default' },
    timeoutMs: 10_000,
  });
  return (await reader.read(handle.workflowId))!.view;
}

async function eventsOf(handle: WorkflowHandle): Promise<number> {
  return (await handle.fetchHistory()).events?.length ?? 0;
}

describe('a job with needs', () => {
  test('waits while nobody has what it needs, says so, and goes to the first that has', async () => {
    const strict = await submit({ requirements: { gpu_count: 2, gpu_memory_mb: 20_000 } });
    await waitUntil(async () => {
      const { status, status_reason, status_message } = await stateOf(strict);
      expect({ status, status_reason }).toEqual({ status: 'queued', status_reason: 'unmatched_requirements' });
      expect(status_message).toContain('2 GPUs with 20000 MiB each');
      return true;
    });
    const plain = await submit({});
    expect(((await plain.result()) as JobOutcome).worker).toBe('bare');
    expect(await eventsOf(plain)).toBe(11);

    await stack.startPool('second', { identity: 'small', facts: { gpu_count: 2, gpu_memory_mb: 12_000 } });
    await stack.startPool('second', {
      identity: 'large',
      ownConnection: true,
      facts: { gpu_count: 2, gpu_memory_mb: 24_000 },
    });
    const outcome = (await strict.result()) as JobOutcome;
    expect(outcome).toMatchObject({ worker: 'large', pool: 'second' });
  });

  test('costs no event when a fitting worker is known, and never reaches another', async () => {
    await waitUntil(() => stack.presence!.queue('any.scripted.gpu2x20000') === 'free');
    const handles = await Promise.all(
      Array.from({ length: 4 }, () => submit({ requirements: { gpu_count: 2, gpu_memory_mb: 20_000 } })),
    );
    for (const handle of handles) {
      expect(((await handle.result()) as JobOutcome).worker).toBe('large');
      expect(await eventsOf(handle)).toBe(11);
    }
  });

  test('started by the temporal program it takes the same way', async () => {
    const handle = await start([{ service: 'scripted', requirements: { gpu_memory_mb: 10_000 } }]);
    expect(['small', 'large']).toContain(((await handle.result()) as JobOutcome).worker);
    const named = await start([{ service: 'scripted', pool: 'second', requirements: { gpu_memory_mb: 22_000 } }]);
    expect(((await named.result()) as JobOutcome).worker).toBe('large');
  });

  test('a worker that comes later learns what was asked for before', async () => {
    const board = await stack.client.workflow.getHandle(NEEDS_WORKFLOW_ID).describe();
    expect(board.memo?.['needs']).toContainEqual({
      capability: 'scripted',
      label: 'gpu2x20000',
      terms: { gpu_count: 2, gpu_memory_mb: 20_000 },
    });
  });
});
