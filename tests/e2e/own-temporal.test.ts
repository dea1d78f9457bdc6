import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ProcessStack } from '../harness/process-stack.ts';

let stack: ProcessStack;

beforeAll(async () => {
  stack = await ProcessStack.start({ TEMPORAL_NAMESPACE: 'fresh', CONNECTORS: 'simulation' });
});
afterAll(() => stack.stop());

test('processes of their own on a Temporal that knows nothing of us: the orchestrator adds what jobs need', async () => {
  await stack.orchestrator();
  await Promise.all([stack.apiOnly(), stack.worker('fast-lane')]);
  const { id } = await stack.submit({ service: 'simulation', payload: { steps: 1 } });
  expect(await stack.ended(id)).toMatchObject({ status: 'completed' });
});
