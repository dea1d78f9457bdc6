import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JobOutcome } from '../../contract/plan.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { Forwarder } from '../harness/forwarder.ts';
import { InProcessStack } from '../harness/in-process-stack.ts';
import { elapsed, waitUntil } from '../harness/wait-until.ts';

/** Longer than the SDK's connection tries again by itself (10 s), far shorter than the heartbeat time-out. */
const OUTAGE = 14_000;

let stack: InProcessStack;
let way: Forwarder;

beforeAll(async () => {
  stack = await InProcessStack.start({ pools: [], env: { SWITCHYARD_HEARTBEAT_TIMEOUT: '2m' } });
  way = await Forwarder.to(Number(stack.temporal.address.split(':')[1]));
  await way.on();
  await stack.startPool('first', { ownConnection: true, address: `127.0.0.1:${way.port}` });
});
afterAll(async () => {
  await stack.stop();
  await way.off();
});

test('a checkpoint waits for a Temporal that is away; the job loses no attempt', async () => {
  let waits = false;
  stack.connector.script = async (_job, _progress, context) => {
    await context.saveCheckpoint({ step: 1 });
    await way.off();
    waits = true;
    await context.saveCheckpoint({ step: 2 });
    return { attempt: context.attempt };
  };
  const handle = await stack.client.workflow.start('job', {
    taskQueue: JOBS_TASK_QUEUE,
    workflowId: 'job/checkpoint-outage',
    args: [{ service: 'scripted', payload: {}, pool: 'first', retry: { max_attempts: 1 } }],
  });
  await waitUntil(() => waits);
  await waitUntil(elapsed(OUTAGE));
  await way.on();
  const outcome = (await handle.result()) as JobOutcome;
  expect(outcome.result).toEqual({ attempt: 1 });
});
