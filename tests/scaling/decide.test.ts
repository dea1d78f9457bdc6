import { describe, expect, test } from '@jest/globals';
import { decideScale, type ScalingMemory } from '../../platform/scaling/decide.ts';
import type { PoolObservation } from '../../platform/scaling/pool-observation.ts';
import { scalingSchema, type ScalingPolicy } from '../../platform/scaling/policy.schema.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

function policy(change: Partial<ScalingPolicy> = {}): ScalingPolicy {
  return { ...scalingSchema.parse({ max_workers: 10 }), ...change };
}

function seen(change: Partial<PoolObservation> = {}): PoolObservation {
  return {
    now: NOW,
    backlog: 0,
    oldest_ms: 0,
    running: 0,
    ready: 0,
    starting: 0,
    slots: 2,
    processing_ms: 10_000,
    success_rate: 1,
    spent_today: 0,
    ...change,
  };
}

/** Wanted the same through the whole cool-down. */
function steady(workers: number, busyAt = NOW): ScalingMemory {
  return {
    busy_at: busyAt,
    wanted: [55_000, 30_000, 5_000].map((ago) => ({ at: NOW - ago, workers })),
  };
}

describe('growing', () => {
  test('from nothing at the first job', () => {
    expect(decideScale(seen({ backlog: 1 }), policy(), undefined).workers).toBe(1);
  });

  test('by what waits, how long a job takes, and the target', () => {
    // 30 s to take them, 20 s of which are the start: one wave of two slots.
    expect(decideScale(seen({ backlog: 6 }), policy(), undefined).workers).toBe(3);
    expect(decideScale(seen({ backlog: 6, processing_ms: 2_500 }), policy(), undefined).workers).toBe(1);
  });

  test('what runs keeps its workers while more wait', () => {
    expect(decideScale(seen({ backlog: 4, running: 4, ready: 2 }), policy(), undefined).workers).toBe(4);
  });

  test('one more when the oldest has waited too long though the sums say enough', () => {
    const given = seen({ backlog: 1, running: 2, ready: 2, oldest_ms: 31_000 });
    expect(decideScale(given, policy(), undefined)).toMatchObject({
      workers: 3,
      reason: expect.stringContaining('oldest has waited 31 s'),
    });
    // Not while one is on its way already.
    expect(decideScale({ ...given, ready: 2, starting: 1 }, policy(), undefined).workers).toBe(3);
  });

  test('never past max_workers nor max_step at a time', () => {
    expect(decideScale(seen({ backlog: 500 }), policy(), undefined).workers).toBe(4);
    const full = decideScale(seen({ backlog: 500, ready: 10, running: 20, oldest_ms: 90_000 }), policy(), undefined);
    expect(full.workers).toBe(10);
    expect(full.alerts).toEqual([expect.objectContaining({ kind: 'exhaustion', severity: 'critical' })]);
  });

  test('not while most jobs fail, but one worker may try', () => {
    const failing = decideScale(seen({ backlog: 50, ready: 2, running: 4, success_rate: 0.2 }), policy(), undefined);
    expect(failing.workers).toBe(2);
    expect(failing.alerts).toEqual([expect.objectContaining({ kind: 'degradation' })]);
    expect(decideScale(seen({ backlog: 50, success_rate: 0 }), policy(), undefined).workers).toBe(1);
  });
});

describe('shrinking', () => {
  test('waits for the cool-down', () => {
    const quiet = seen({ running: 1, ready: 4 });
    expect(decideScale(quiet, policy(), undefined).workers).toBe(4);
    expect(decideScale(quiet, policy(), { busy_at: NOW, wanted: [{ at: NOW - 5_000, workers: 1 }] }).workers).toBe(4);
    expect(decideScale(quiet, policy(), steady(1)).workers).toBe(1);
  });

  test('only to what was enough all the time', () => {
    const memory = { busy_at: NOW, wanted: [...steady(1).wanted, { at: NOW - 20_000, workers: 3 }] };
    expect(decideScale(seen({ running: 1, ready: 4 }), policy(), memory).workers).toBe(3);
  });

  test('to zero after the idle time, not before', () => {
    const idle = (ms: number) => decideScale(seen({ ready: 1 }), policy(), steady(1, NOW - ms)).workers;
    expect(idle(299_000)).toBe(1);
    expect(idle(300_000)).toBe(0);
    expect(decideScale(seen({ ready: 1 }), policy({ min_workers: 1 }), steady(1, NOW - 900_000)).workers).toBe(1);
  });

  test('an idle pool that never had a worker gets none', () => {
    expect(decideScale(seen(), policy(), undefined).workers).toBe(0);
  });
});

describe('budgets', () => {
  const paid = policy({ cost_per_hour: 2, budget_per_hour: 7, budget_per_day: 40 });

  test('per hour: no more workers than it pays for, and that is told', () => {
    const given = decideScale(seen({ backlog: 100 }), paid, undefined);
    expect(given.workers).toBe(3);
    expect(given.alerts).toEqual([expect.objectContaining({ kind: 'cost', severity: 'warning' })]);
  });

  test('per day: told when near, down to min_workers when spent', () => {
    const near = decideScale(seen({ backlog: 2, ready: 1, spent_today: 33 }), paid, undefined);
    expect(near).toMatchObject({ workers: 1, alerts: [{ kind: 'cost', severity: 'warning' }] });
    const spent = decideScale(seen({ backlog: 100, ready: 3, running: 6, spent_today: 40 }), paid, steady(3));
    expect(spent).toMatchObject({
      workers: 0,
      alerts: expect.arrayContaining([expect.objectContaining({ severity: 'critical' })]),
    });
  });
});

describe('the policy', () => {
  test.each([
    [{ min_workers: 5, max_workers: 4 }, 'min_workers', 'must not be more than max_workers'],
    [{ driver: 'webhook' }, 'webhook_url', 'is required'],
    [{ budget_per_day: 10 }, 'cost_per_hour', 'is required'],
  ])('%j is refused by name', (input, field, problem) => {
    const { error } = scalingSchema.safeParse(input);
    expect(error?.issues[0]).toMatchObject({ path: [field], message: expect.stringContaining(problem) });
  });
});
