import { describe, expect, test } from '@jest/globals';
import { decideScale, type ScalingMemory } from '../../platform/scaling/decide.ts';
import type { PoolObservation, QueueObservation } from '../../platform/scaling/pool-observation.ts';
import { scalingSchema, type ScalingPolicy } from '../../platform/scaling/policy.schema.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

function policy(change: Partial<ScalingPolicy> = {}): ScalingPolicy {
  return { ...scalingSchema.parse({ max_workers: 10 }), ...change };
}

interface Given extends Omit<PoolObservation, 'queues'>, Omit<QueueObservation, 'capability'> {}

/** A pool of one queue. */
function seen(change: Partial<Given> = {}): PoolObservation {
  const { ready, starting, success_rate, spent_today, now, ...queue }: Given = {
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
  return { now, ready, starting, success_rate, spent_today, queues: [{ capability: 'one', ...queue }] };
}

/** Wanted the same through the whole cool-down. */
function steady(workers: number, busyAt = NOW): ScalingMemory {
  return { watched_since: NOW - 60_000, busy_at: busyAt, wanted: [{ at: NOW - 5_000, workers }] };
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
    expect(decideScale({ ...given, starting: 1 }, policy(), undefined).workers).toBe(3);
  });

  test('never past max_workers nor max_step at a time', () => {
    expect(decideScale(seen({ backlog: 500 }), policy(), undefined).workers).toBe(4);
    const full = decideScale(seen({ backlog: 500, ready: 10, running: 20, oldest_ms: 90_000 }), policy(), undefined);
    expect(full.workers).toBe(10);
    expect(full.alerts).toEqual([expect.objectContaining({ kind: 'exhaustion', severity: 'critical' })]);
  });

  test('by the queue that needs most: each worker has its slots on every queue', () => {
    const queues = [6, 4, 0].map((backlog, index) => ({ ...seen({ backlog }).queues[0]!, capability: `q${index}` }));
    expect(decideScale({ ...seen(), queues }, policy(), undefined).workers).toBe(3);
  });

  test('not for a queue that none of the workers takes; that is told', () => {
    const stuck = decideScale(seen({ backlog: 50, oldest_ms: 90_000, ready: 2, unserved: true }), policy(), undefined);
    expect(stuck).toMatchObject({
      workers: 2,
      alerts: [{ kind: 'exhaustion', message: expect.stringContaining('50 jobs wait for one, which none') }],
    });
  });

  test('not for a pool that is paused: what waits there is not taken anyway', () => {
    const paused = decideScale({ ...seen({ backlog: 50, oldest_ms: 900_000 }), held: 'paused' }, policy(), undefined);
    expect(paused).toMatchObject({ workers: 0, reason: expect.stringContaining('the pool is paused'), alerts: [] });
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
    expect(decideScale(quiet, policy(), { ...steady(1), watched_since: NOW - 59_000 }).workers).toBe(4);
    expect(decideScale(quiet, policy(), steady(1)).workers).toBe(1);
  });

  test('only to what was enough all the time', () => {
    const wanted = [{ at: NOW - 20_000, workers: 3 }, ...steady(1).wanted];
    const decision = decideScale(seen({ running: 1, ready: 4 }), policy(), { ...steady(1), wanted });
    expect(decision.workers).toBe(3);
    // What can no longer be the most of the cool-down is forgotten.
    expect(decision.memory.wanted.map(({ workers }) => workers)).toEqual([3, 1]);
    const old = [{ at: NOW - 61_000, workers: 3 }, ...steady(1).wanted];
    expect(decideScale(seen({ running: 1, ready: 4 }), policy(), { ...steady(1), wanted: old }).workers).toBe(1);
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

  test('a budget of three times the cost pays for three', () => {
    const policyOf = policy({ cost_per_hour: 0.1, budget_per_hour: 0.3 });
    expect(decideScale(seen({ backlog: 100 }), policyOf, undefined).workers).toBe(3);
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
    [{ budget_per_hour: 1, cost_per_hour: 2 }, 'budget_per_hour', 'for none at all'],
    [{ budget_per_hour: 5, cost_per_hour: 2, min_workers: 3 }, 'budget_per_hour', 'fewer workers than min_workers'],
    [{ driver: 'webhook', webhook_url: 'ftp://example.test/' }, 'webhook_url', 'http or https'],
  ])('%j is refused by name', (input, field, problem) => {
    const { error } = scalingSchema.safeParse(input);
    expect(error?.issues[0]).toMatchObject({ path: [field], message: expect.stringContaining(problem) });
  });
});
