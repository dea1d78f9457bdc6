import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ProcessStack } from '../harness/process-stack.ts';
import { elapsed, waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
beforeEach(async () => {
  stack = await ProcessStack.start();
  await stack.server();
  for (let n = 0; n < 3; n++)
    await stack.worker('fast-lane', ['--capabilities', 'simulation', '--max-concurrent', '10']);
});
afterEach(() => stack.stop());

/** What a client meets while Temporal is away. */
async function expectAway(): Promise<void> {
  const response = await waitUntil(async () => {
    const answer = await fetch(`${stack.api}/api/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ service: 'simulation' }),
    });
    return answer.status === 503 && answer;
  });
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await response.json()).toMatchObject({ code: 'service_unavailable', retryable: true });
  expect((await fetch(`${stack.api}/readyz`)).status).toBe(503);
  expect((await fetch(`${stack.api}/livez`)).status).toBe(200);
}

async function submitMany(): Promise<string[]> {
  const jobs = await Promise.all(
    Array.from({ length: 20 }, () =>
      stack.submit({ service: 'simulation', payload: { duration: 8_000, steps: 20, service_job: true } }),
    ),
  );
  await Promise.all(
    jobs.map(({ id }) =>
      stack.until(id, (job) => job.service_job_id !== undefined && (job.progress?.percent ?? 0) > 0),
    ),
  );
  return jobs.map(({ id }) => id);
}

async function expectOneResultEach(ids: string[]): Promise<void> {
  for (const id of ids) {
    expect((await stack.ended(id)).status).toBe('completed');
    expect(await stack.submissions(id)).toBe(1);
  }
}

describe('Temporal kill -9 under 20 running jobs of several workers, its file kept', () => {
  test('an outage shorter than the heartbeat time-out leaves attempts as they are', async () => {
    const ids = await submitMany();
    await stack.temporal.kill();
    await stack.temporal.restart();
    await expectOneResultEach(ids);
  });

  test('a longer one ends in one submission and one result each; meanwhile the API says 503', async () => {
    const ids = await submitMany();
    await stack.temporal.kill();
    await expectAway();
    // Longer than the heartbeat time-out of 3 s, which is what this test is about.
    await waitUntil(elapsed(5_000));
    await stack.temporal.restart();
    await expectOneResultEach(ids);
    expect(
      (await stack.ended((await stack.submit({ service: 'simulation', payload: { duration: 0 } })).id)).status,
    ).toBe('completed');
  });
});
