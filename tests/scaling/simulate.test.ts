import { describe, expect, test } from '@jest/globals';
import { scalingSchema } from '../../platform/scaling/policy.schema.ts';
import { simulate, type TraceJob } from '../../platform/scaling/simulate.ts';

const policy = scalingSchema.parse({ max_workers: 8, cost_per_hour: 2, startup_seconds: 10, idle_seconds: 60 });

function burst(count: number, at: number, duration: number): TraceJob[] {
  return Array.from({ length: count }, () => ({ at, duration }));
}

describe('the simulator', () => {
  test('one job alone: it waits for its worker to start, and the worker is paid until it goes', () => {
    const result = simulate([{ at: 0, duration: 5_000 }], { policy, slots: 1 });
    expect(result).toMatchObject({ jobs: 1, workers: { peak: 1, started: 1 } });
    // Decided at the first tick, 10 s of start-up.
    expect(result.wait.max).toBe(10_000);
    expect(result.cost).toBeCloseTo((15 / 3_600) * 2, 5);
  });

  test('every job of a burst is run, by no more workers than allowed', () => {
    const result = simulate(burst(200, 0, 20_000), { policy, slots: 2 });
    expect(result.jobs).toBe(200);
    expect(result.workers.peak).toBe(8);
    // 200 jobs of 20 s on 16 slots: 13 waves; growth by steps of 4 costs a little more.
    expect(result.makespan_ms).toBeGreaterThanOrEqual(250_000);
    expect(result.makespan_ms).toBeLessThan(330_000);
  });

  test('between two bursts far apart the pool sleeps', () => {
    const far = 10 * 3_600_000;
    const result = simulate([...burst(10, 0, 5_000), ...burst(10, far, 5_000)], { policy, slots: 1 });
    expect(result.worker_hours).toBeLessThan(0.6);
    expect(result.makespan_ms).toBeGreaterThanOrEqual(far);
  });

  test('a daily budget ends what it pays for, and the jobs wait for the next day', () => {
    const trace = burst(500, 0, 600_000);
    const free = simulate(trace, { policy, slots: 1 });
    const tight = simulate(trace, { policy: { ...policy, budget_per_day: 20 }, slots: 1 });
    expect(tight.makespan_ms).toBeGreaterThan(free.makespan_ms);
    expect(tight.jobs).toBe(500);
  });

  test('a budget that pays for no start-up ends in a week of waiting, not in an endless simulation', () => {
    const result = simulate(burst(3, 0, 1_000), { policy: { ...policy, budget_per_day: 0.001 }, slots: 1 });
    expect(result).toMatchObject({ jobs: 0, unfinished: 3 });
  });

  test('a fixed number of workers, which are there from the start and are paid to the end', () => {
    const result = simulate(burst(8, 0, 10_000), { policy, slots: 1, fixed: 4 });
    expect(result).toMatchObject({ jobs: 8, unfinished: 0, wait: { p50: 10_000, max: 10_000 }, utilization: 1 });
    expect(result.workers).toEqual({ mean: 4, peak: 4, started: 4 });
    expect(result.cost).toBeCloseTo(((4 * 20) / 3_600) * 2, 5);
  });

  test('nothing at all', () => {
    expect(simulate([], { policy, slots: 1 })).toMatchObject({ jobs: 0, unfinished: 0, makespan_ms: 0 });
  });

  test('100,000 jobs of a day', () => {
    let seed = 7;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const trace = Array.from({ length: 100_000 }, () => ({
      at: Math.floor(random() * 86_400_000),
      duration: Math.floor(1_000 + random() * 20_000),
      failed: random() < 0.05,
    }));
    const result = simulate(trace, { policy: { ...policy, max_workers: 20 }, slots: 2 });
    expect(result.jobs).toBe(100_000);
    expect(result.utilization).toBeGreaterThan(0.4);
    expect(result.utilization).toBeLessThanOrEqual(1);
    expect(result.wait.p95).toBeLessThan(120_000);
  });
});
