import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ProcessStack } from '../harness/process-stack.ts';

let stack: ProcessStack;
beforeAll(async () => {
  stack = await ProcessStack.start();
  await stack.server();
});
afterAll(() => stack.stop());

const long = { service: 'simulation', payload: { duration: 60_000, steps: 60 } };

describe('cancel', () => {
  test('queued, with nobody to take it', async () => {
    const { id } = await stack.submit(long);
    await stack.until(id, (job) => job.status_reason === 'no_worker');
    expect((await stack.cancel(id)).status).toBe(202);
    expect((await stack.ended(id)).status).toBe('cancelled');
  });

  test('running; a second cancel changes nothing; a finished job answers 409', async () => {
    const worker = await stack.worker('fast-lane');
    const { id } = await stack.submit(long);
    await stack.until(id, (job) => job.status === 'running');
    const answers = await Promise.all([stack.cancel(id), stack.cancel(id)]);
    expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
    expect((await stack.ended(id)).status).toBe('cancelled');
    const late = await stack.cancel(id);
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: 'conflict', detail: expect.stringContaining('cancelled') });
    await worker.stop();
  });

  test('the worker is dead: cancelled all the same, after its heartbeat time-out', async () => {
    const worker = await stack.worker('fast-lane');
    const { id } = await stack.submit(long);
    await stack.until(id, (job) => job.status === 'running');
    await worker.kill();
    expect((await stack.cancel(id)).status).toBe(202);
    expect((await stack.ended(id)).status).toBe('cancelled');
  });

  test('a connector that ignores it: the job ends as cancelled when the work is over', async () => {
    const worker = await stack.worker('fast-lane');
    const { id } = await stack.submit({
      service: 'simulation',
      payload: { duration: 3_000, steps: 10, ignore_cancel: true },
    });
    await stack.until(id, (job) => job.status === 'running');
    await stack.cancel(id);
    const job = await stack.ended(id);
    expect(job).toMatchObject({ status: 'cancelled', artifacts: [] });
    await worker.stop();
  });

  test('an unknown job is not found', async () => {
    expect((await stack.cancel('01234567890123456789012345')).status).toBe(404);
  });
});
