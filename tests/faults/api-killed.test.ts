import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { comparePositions, type JobEvent, parseEventId } from '../../contract/job-events.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { subscribe } from '../harness/sse.ts';
import { elapsed, waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
beforeEach(async () => {
  stack = await ProcessStack.start();
  await stack.orchestrator();
  await stack.worker('fast-lane');
});
afterEach(() => stack.stop());

/** Event ids rise and progress never falls, over both connections together. */
function expectInOrder(events: JobEvent[]): void {
  const positions = events.map((event) => parseEventId(event.id)!);
  for (let i = 1; i < positions.length; i++) {
    expect(comparePositions(positions[i - 1]!, positions[i]!)).toBeLessThanOrEqual(0);
  }
  const percents = events.flatMap((event) => (event.type === 'progress' ? [event.progress.percent] : []));
  expect([...percents].sort((a, b) => a - b)).toEqual(percents);
}

test('API kill -9 with watchers: they resume where they were, and no state change is lost', async () => {
  const api = await stack.apiOnly();
  const { id } = await stack.submit({
    service: 'simulation',
    payload: { duration: 4_000, steps: 40, fail_attempts: 1, failure_code: 'backend_error' },
    retry: { initial_interval: '1s' },
  });
  const before = await subscribe(stack.api, id);
  await waitUntil(() => before.events.some((event) => event.type === 'progress'));
  await api.kill();
  await before.closed;
  const last = before.events.at(-1)!.id;

  // The first attempt fails and the second runs to its end while nobody serves watchers.
  await stack.apiOnly();
  const after = await subscribe(stack.api, id, last);
  await after.closed;
  const events = [...before.events, ...after.events];
  expectInOrder(events);
  expect(after.events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed', attempt: 2 } });
  const states = events.flatMap((event) => (event.type === 'state' ? [`${event.status} ${event.attempt}`] : []));
  expect(states).toEqual(expect.arrayContaining(['queued 2', 'running 2']));
});

test('a job that ends while the API is down: the watcher still gets its end', async () => {
  const api = await stack.apiOnly();
  const { id } = await stack.submit({ service: 'simulation', payload: { duration: 1_500, steps: 5 } });
  const before = await subscribe(stack.api, id);
  await waitUntil(() => before.events.length > 0);
  await api.kill();
  await before.closed;
  // Nobody may look at the job meanwhile: that it ends unwatched is what this test is about.
  await waitUntil(elapsed(2_500));
  await stack.apiOnly();
  const after = await subscribe(stack.api, id, before.events.at(-1)!.id);
  await after.closed;
  expect(after.events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed' } });
});
