import { afterEach, describe, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { runCommand } from '../cli/run-command.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ScalingSite } from './scaling-site.ts';

let site: ScalingSite | undefined;

afterEach(async () => {
  await site?.stack.stop();
  site = undefined;
});

async function inTurns<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += width)
    results.push(...(await Promise.all(items.slice(i, i + width).map(work))));
  return results;
}

describe('a pool that scales with local workers', () => {
  test('from zero to four and back with 200 jobs, none of them lost, failed or interrupted', async () => {
    site = await ScalingSite.start({
      max_workers: 4,
      target_wait_seconds: 1,
      startup_seconds: 1,
      idle_seconds: 3,
      cooldown_seconds: 2,
      cost_per_hour: 3_600,
    });
    await site.startScaler();
    await waitUntil(async () => {
      const { active, seen, wanted, ready } = await site!.pool();
      return active && seen && wanted === 0 && ready === 0;
    }, 120_000);

    const ids = await inTurns([...Array.from({ length: 200 }).keys()], 20, async (n) => {
      const payload = { duration: 300, steps: 2, seed: n };
      return (await site!.stack.submit({ service: 'simulation', payload })).id;
    });
    await waitUntil(async () => (await site!.pool()).ready === 4, 240_000);
    const jobs: JobView[] = await inTurns(ids, 20, (id) => site!.stack.ended(id));
    expect(jobs.filter(({ status }) => status !== 'completed')).toEqual([]);
    // No attempt of any of them was cut off, neither by growth nor by shrinking.
    expect(jobs.filter(({ attempt }) => attempt !== 1)).toEqual([]);

    const end = await waitUntil(async () => {
      const pool = await site!.pool();
      return pool.wanted === 0 && pool.ready + pool.starting + pool.draining === 0 && pool;
    }, 240_000);
    expect(end.reason).toContain('idle for');
    expect(end.cost_today).toBeGreaterThan(0);

    const surroundings = { cwd: site.stack.dataDir, env: { ...site.stack.env, SWITCHYARD_URL: site.stack.api } };
    const status = await runCommand(['scale', 'status'], surroundings);
    expect(status.stdout).toMatch(/elastic +0 +0 ready +0-4 +0 /);
    const trace = await runCommand(['scale', 'trace', '--limit', '10'], surroundings);
    expect(trace.stdout.trim().split('\n')).toHaveLength(10);
    const played = await runCommand(['scale', 'simulate', '--trace', '-', '--json'], {
      ...surroundings,
      stdin: trace.stdout,
    });
    expect(JSON.parse(played.stdout)).toMatchObject({
      bad_lines: 0,
      pools: [{ pool: 'elastic', runs: [{ jobs: 10 }, {}] }],
    });
  }, 600_000);

  test('a site that stops hands on what its workers run, as at any other worker', async () => {
    site = await ScalingSite.start(
      { max_workers: 1, target_wait_seconds: 1, startup_seconds: 1, idle_seconds: 1, cooldown_seconds: 1 },
      { max_concurrent_jobs: 1 },
    );
    const scaler = await site.startScaler();
    const { id } = await site.stack.submit({ service: 'simulation', payload: { duration: '60s', steps: 60 } });
    await site.stack.until(id, ({ status }) => status === 'running');
    // The whole site stops: the job has SWITCHYARD_SHUTDOWN_GRACE, then it goes on elsewhere.
    await scaler.stop();
    await waitUntil(async () => !(await site!.view()).active, 60_000);
    const waiting = await site.stack.get(id);
    expect(['queued', 'running']).toContain(waiting.status);
    await site.startScaler();
    const again = await site.stack.until(id, ({ attempt, status }) => attempt === 2 && status === 'running');
    expect(again.error).toMatchObject({ message: expect.stringContaining('goes on in another') });
    await site.stack.cancel(id);
    await site.stack.ended(id);
  }, 300_000);

  test('a worker that is taken away finishes its job first: here the budget of the day is spent', async () => {
    const policy = { max_workers: 1, target_wait_seconds: 1, startup_seconds: 1, idle_seconds: 600 };
    site = await ScalingSite.start({ ...policy, cost_per_hour: 3_600, budget_per_day: 8 });
    await site.startScaler();
    const { id } = await site.stack.submit({ service: 'simulation', payload: { duration: '20s', steps: 40 } });
    const spent = await waitUntil(async () => {
      const pool = await site!.pool();
      return pool.draining === 1 && pool;
    }, 120_000);
    expect(spent).toMatchObject({
      wanted: 0,
      reason: expect.stringContaining('budget_per_day of 8 is spent'),
      alerts: [expect.objectContaining({ kind: 'cost', severity: 'critical' })],
    });
    // Its grace time for jobs is a second; draining is no hurry.
    expect(await site.stack.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await waitUntil(async () => (await site!.pool()).draining === 0, 60_000);
  }, 300_000);
});
