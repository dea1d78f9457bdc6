import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { ServiceHealth } from '../../contract/service-health.schema.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
beforeEach(async () => {
  stack = await ProcessStack.start();
  await stack.server();
});
afterEach(() => stack.stop());

describe('worker kill -9 in mid-job', () => {
  test('an upscale goes on from its finished tiles, with one result', async () => {
    const first = await stack.worker('standard');
    const { id } = await stack.submit({
      service: 'upscale',
      payload: { image: 'file:examples/harbour.png', scale: 4 },
    });
    await stack.until(id, (job) => (job.progress?.step_index ?? 0) >= 2);
    await first.kill();
    await stack.worker('standard');
    const job = await stack.ended(id);
    expect(job.status).toBe('completed');
    expect(job.attempt).toBe(2);
    expect((job.result as { tiles_resumed: number }).tiles_resumed).toBeGreaterThanOrEqual(1);
    expect(job.artifacts).toHaveLength(1);
    expect(await stack.storedFiles()).toEqual([job.artifacts[0]!.name]);
    const picture = await fetch(`${stack.api}/api/jobs/${id}/artifacts/${job.artifacts[0]!.name}`);
    const [made, source] = await Promise.all([
      sharp(Buffer.from(await picture.arrayBuffer())).metadata(),
      sharp(readFileSync(join(import.meta.dirname, '../../examples/harbour.png'))).metadata(),
    ]);
    expect([made.width, made.height]).toEqual([source.width * 4, source.height * 4]);
  });

  test('work that the backend goes on with is found again, not submitted twice', async () => {
    const first = await stack.worker('fast-lane');
    const { id } = await stack.submit({
      service: 'simulation',
      payload: { duration: 6_000, steps: 30, service_job: true },
    });
    await stack.until(id, (job) => job.service_job_id !== undefined && (job.progress?.percent ?? 0) > 0);
    await first.kill();
    await stack.worker('fast-lane');
    const job = await stack.ended(id);
    expect(job).toMatchObject({ status: 'completed', attempt: 2, result: { reattached: true } });
    expect(await stack.submissions(id)).toBe(1);
  });

  test('it is gone from those that serve its services', async () => {
    const first = await stack.worker('fast-lane');
    const until = (wanted: (view: ServiceHealth) => boolean) =>
      waitUntil(async () => {
        const answer = await fetch(`${stack.api}/api/services/simulation`);
        const view = (await answer.json()) as ServiceHealth;
        return wanted(view) ? view : undefined;
      }, 60_000);
    const { served_by } = await until(({ health, models }) => health === 'healthy' && models.length === 2);
    expect(served_by).toMatchObject([{ pool: 'fast-lane', connector: 'SimulationConnector', health: 'healthy' }]);
    await first.kill();
    expect(await until(({ health }) => health === 'no_worker')).toMatchObject({ served_by: [], models: [] });
  });

  test('a job that kills every worker is given up, and says so', async () => {
    // Six deaths of the process are what the job's own count allows at most.
    const { id } = await stack.submit({
      service: 'simulation',
      payload: { duration: 60_000, steps: 10 },
      retry: { initial_interval: '10ms', max_interval: '10ms' },
    });
    for (let life = 1; life <= 5; life++) {
      const worker = await stack.worker('fast-lane');
      await stack.until(id, (job) => job.status === 'running' && job.attempt === life);
      await worker.kill();
    }
    await stack.worker('fast-lane');
    const job = await stack.ended(id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    expect(job.error!.message).toContain('5 workers died');
  });
});

test('SIGTERM: the job moves on with its checkpoint and pays no attempt', async () => {
  const first = await stack.worker('fast-lane');
  const { id } = await stack.submit({
    service: 'simulation',
    payload: { duration: 5_000, steps: 50, service_job: true },
    retry: { max_attempts: 1 },
  });
  await stack.until(id, (job) => job.service_job_id !== undefined && (job.progress?.percent ?? 0) > 0);
  await first.stop();
  expect((await first.exited).code).toBe(0);
  await stack.worker('fast-lane');
  expect(await stack.ended(id)).toMatchObject({ status: 'completed', result: { reattached: true } });
  expect(await stack.submissions(id)).toBe(1);
});
