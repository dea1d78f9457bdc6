import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ProcessStack } from '../harness/process-stack.ts';

let stack: ProcessStack;
beforeEach(async () => {
  stack = await ProcessStack.start();
});
afterEach(() => stack.stop());

test('orchestrator kill -9: the job ends under the next one', async () => {
  await stack.apiOnly();
  const first = await stack.orchestrator();
  await stack.worker('fast-lane');
  const { id } = await stack.submit({ service: 'simulation', payload: { duration: 3_000, steps: 10 } });
  await stack.until(id, (job) => job.status === 'running');
  await first.kill();
  await stack.orchestrator();
  expect(await stack.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
});

test('a job accepted while no orchestrator runs waits, says so, and is done later', async () => {
  await stack.apiOnly();
  await stack.worker('fast-lane');
  const { id } = await stack.submit({ service: 'simulation', payload: { duration: 0 } });
  const waiting = await stack.until(id, (job) => job.status_reason === 'no_orchestrator');
  expect(waiting.status_message).toContain('orchestrator');
  await stack.orchestrator();
  expect((await stack.ended(id)).status).toBe('completed');
});
