import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import type { JobOutcome } from '../../contract/plan.ts';
import { JobReader } from '../../platform/jobs/job-reader.ts';
import { planJob } from '../../platform/routing/plan-job.ts';
import { ScriptedConnector } from '../harness/scripted-connector.ts';
import { InProcessStack, scriptedCatalog } from '../harness/in-process-stack.ts';
import { elapsed, waitUntil } from '../harness/wait-until.ts';

const MODELS = { models: ['sdxl', 'flux'] };
const WORKERS = ['one', 'two'] as const;

let stack: InProcessStack;
let jobs = 0;
/** Jobs wait in their connector for as long as their worker is held. */
const held = new Map<string, { release(): void; until: Promise<void> }>();

beforeAll(async () => {
  const catalog = scriptedCatalog({ first: { max_concurrent_jobs: 1, affinity_wait_seconds: 2 } });
  stack = await InProcessStack.start({ pools: [], presence: true, catalog });
  for (const identity of WORKERS) {
    const connector = new ScriptedConnector(async () => {
      await held.get(identity)?.until;
    });
    await stack.startPool('first', { identity, ownConnection: true, facts: MODELS, connector: async () => connector });
  }
  await waitUntil(() => stack.presence!.workers().filter((one) => one.task_queue === 'first.scripted').length === 2);
});

afterAll(async () => {
  for (const worker of WORKERS) release(worker);
  await stack.stop();
});

function submit(model?: string): Promise<WorkflowHandle> {
  const document = { service: 'scripted', requirements: model === undefined ? {} : { model } };
  const { job, plan } = planJob(document, stack.catalog, stack.planning, Date.now());
  return stack.client.workflow.start('job', { workflowId: `hot-${++jobs}`, taskQueue: 'jobs', args: [job, { plan }] });
}

async function workerOf(handle: WorkflowHandle): Promise<string> {
  return ((await handle.result()) as JobOutcome).worker;
}

function hold(worker: string): void {
  let letGo = () => {};
  const until = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  held.set(worker, { until, release: letGo });
}

function release(worker: string): void {
  held.get(worker)?.release();
  held.delete(worker);
}

function hotWorkers(): string[] {
  return stack.presence!.workers().flatMap((one) => (one.task_queue.endsWith('-hot') ? [one.identity] : []));
}

async function reasonOf(handle: WorkflowHandle) {
  const reader = new JobReader({
    client: stack.client,
    queues: (queue) => stack.presence!.queue(queue),
    addresses: { apiUrl: '/api', namespace: 'default' },
    timeoutMs: 10_000,
  });
  const { status_reason, status_message } = (await reader.read(handle.workflowId))!.view;
  return { status_reason, status_message };
}

async function eventsOf(handle: WorkflowHandle): Promise<number> {
  return (await handle.fetchHistory()).events?.length ?? 0;
}

describe('jobs that name a model', () => {
  let hot: string;

  test('go to the worker that has it loaded, at no cost', async () => {
    hot = await workerOf(await submit('sdxl'));
    await waitUntil(() => hotWorkers().includes(hot));
    for (let index = 0; index < 4; index++) {
      const handle = await submit('sdxl');
      expect(await workerOf(handle)).toBe(hot);
      expect(await eventsOf(handle)).toBe(11);
    }
    expect(hotWorkers()).toEqual([hot]);
  });

  test('wait for it no longer than the bound, and say so', async () => {
    // What was sent there lately counts against its bound.
    await waitUntil(elapsed(2_500));
    hold(hot);
    const other = WORKERS.find((one) => one !== hot)!;
    const blocking = await submit('sdxl');
    await waitUntil(async () => (await blocking.describe()).raw.pendingActivities?.[0]?.state === 2);
    const spilling = await submit('sdxl');
    await waitUntil(async () => {
      const { status_reason, status_message } = await reasonOf(spilling);
      expect(status_message).toContain('model');
      return status_reason === 'model_affinity';
    });
    expect(await workerOf(spilling)).toBe(other);
    release(hot);
    expect(await workerOf(blocking)).toBe(hot);
    const plain = await submit();
    await plain.result();
    expect(await eventsOf(plain)).toBe(11);
  });

  test('cannot starve the others, however many of them there are', async () => {
    let stop = false;
    const streams = Array.from({ length: 6 }, async () => {
      let done = 0;
      for (; !stop; done++) await (await submit('sdxl')).result();
      return done;
    });
    try {
      const others = await Promise.all([submit(), submit('flux'), submit(), submit('flux')]);
      expect(await Promise.all(others.map(workerOf))).toHaveLength(4);
    } finally {
      stop = true;
    }
    expect((await Promise.all(streams)).every((done) => done > 0)).toBe(true);
  });
});
