import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ProcessStack } from '../harness/process-stack.ts';
import { temporalBinary } from '../harness/temporal-server.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
beforeAll(async () => {
  stack = await ProcessStack.start();
  await stack.server();
  await stack.worker('fast-lane');
});
afterAll(() => stack.stop());

/** What a person types who has nothing but the `temporal` program. @returns the workflow id */
async function temporalStart(input: string | undefined, ...more: string[]): Promise<string> {
  const args = [
    'workflow',
    'start',
    '--type',
    'job',
    '--task-queue',
    'jobs',
    '--output',
    'json',
    '--address',
    stack.temporal.address,
  ];
  const { stdout } = await promisify(execFile)(temporalBinary(), [
    ...args,
    ...(input === undefined ? [] : ['--input', input]),
    ...more,
  ]);
  return (JSON.parse(stdout) as { workflowId: string }).workflowId;
}

describe('a job started with the temporal CLI alone', () => {
  test('runs, can be read, listed and is like any other', async () => {
    const id = await temporalStart(
      '{"service":"simulation","payload":{"duration":"200ms","steps":3},"tags":["by-cli"],"priority":2}',
    );
    const job = await stack.ended(id);
    expect(job).toMatchObject({
      id,
      status: 'completed',
      service: 'simulation',
      pool: 'fast-lane',
      priority: 2,
      tags: ['by-cli'],
    });
    await waitUntil(async () => {
      const list = (await (await fetch(`${stack.api}/api/jobs?tag=by-cli&service=simulation`)).json()) as {
        jobs: { id: string }[];
      };
      return list.jobs.some((entry) => entry.id === id);
    });
  });

  test('with a workflow id of its own, slashes and all', async () => {
    const id = await temporalStart('{"service":"simulation","payload":{"duration":0}}', '--workflow-id', 'my/own job');
    expect((await stack.ended(id)).status).toBe('completed');
  });

  test.each([
    ['{"service":"simulatoin"}', 'no service here; one of: '],
    ['{"service":"simulation","payload":{"steps":"many"}}', '/payload/steps'],
    ['{"service":"simulation","colour":"red"}', '/colour is not a known field'],
    ['"text"', 'must be a JSON object'],
    [undefined, 'must be a JSON object'],
  ])('%s fails at once with the message the API would give', async (input, message) => {
    const job = await stack.ended(await temporalStart(input));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'validation' } });
    expect(job.error!.message).toContain(message);
  });

  test('can be cancelled over HTTP', async () => {
    const id = await temporalStart('{"service":"simulation","payload":{"duration":"60s","steps":60}}');
    await stack.until(id, (job) => job.status === 'running');
    expect((await stack.cancel(id)).status).toBe(202);
    expect((await stack.ended(id)).status).toBe('cancelled');
  });
});
