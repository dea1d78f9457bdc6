import type { ScalingAlert } from '../../contract/scaling.ts';
import { alertsOf } from './alerts.ts';
import { type PoolObservation, type QueueObservation, workOf } from './pool-observation.ts';
import { paidByTheHour, type ScalingPolicy } from './policy.schema.ts';

/** What a pool's scaling remembers between two ticks. Epoch milliseconds. */
export interface ScalingMemory {
  /** Since when the pool is watched without a gap. */
  watched_since: number;
  /** Latest moment with work. */
  busy_at: number;
  /** What was wanted within the cool-down; only what may still be the most of it. */
  wanted: readonly { at: number; workers: number }[];
}

export interface ScalingDecision {
  workers: number;
  /** In words, for people: why this many. */
  reason: string;
  alerts: ScalingAlert[];
  memory: ScalingMemory;
}

/** Before any job has ended, a job is taken to last this long. Milliseconds. */
const GUESSED_PROCESSING_MS = 10_000;

/**
 * How many workers a pool should have. Pure: the same observation, policy and memory give the same answer, which is
 * what makes the simulator tell the truth. Growth is immediate, shrinking waits for the cool-down and is a drain.
 * @param memory of the last tick; undefined at the first, and after a gap
 */
export function decideScale(
  seen: PoolObservation,
  policy: ScalingPolicy,
  memory: ScalingMemory | undefined,
): ScalingDecision {
  const { now } = seen;
  const present = seen.ready + seen.starting;
  const counted = reachable(seen);
  const { backlog, running } = workOf(counted);
  const busyAt = backlog > 0 || running > 0 ? now : (memory?.busy_at ?? now);
  const work = wantedBy(counted, policy, present, now - busyAt);
  const asked = seen.held === undefined ? work : { ...work, reason: `the pool is ${seen.held}; ${work.reason}` };
  const since = now - policy.cooldown_seconds * 1_000;
  const recent = (memory?.wanted ?? []).filter(({ at, workers }) => at > since && workers > asked.workers);
  const watchedSince = memory?.watched_since ?? now;
  const wanted = [...recent, { at: now, workers: asked.workers }];
  const steady = settled(asked, wanted[0]!.workers, present, watchedSince <= since);
  const { workers, reason } = limited(steady, seen, policy, present);
  return {
    workers,
    reason,
    alerts: alertsOf(seen, policy, workers, asked.workers),
    memory: { watched_since: watchedSince, busy_at: busyAt, wanted },
  };
}

/** Without what more workers would not help. */
function reachable(seen: PoolObservation): PoolObservation {
  const queues = seen.queues.filter((queue) => !queue.unserved);
  if (seen.held === undefined) return { ...seen, queues };
  return { ...seen, queues: queues.map((queue) => ({ ...queue, backlog: 0, oldest_ms: 0 })) };
}

interface Wish {
  workers: number;
  reason: string;
  /** Idle for so long that nothing is kept. */
  asleep?: boolean;
}

/** By the work alone. */
function wantedBy(seen: PoolObservation, policy: ScalingPolicy, present: number, idleMs: number): Wish {
  const { backlog, running, oldestMs } = workOf(seen);
  if (backlog === 0 && running === 0) {
    if (idleMs >= policy.idle_seconds * 1_000)
      return { workers: 0, reason: `idle for ${seconds(idleMs)}`, asleep: true };
    return { workers: Math.min(present, 1), reason: `idle for ${seconds(idleMs)} only` };
  }
  const window = (policy.target_wait_seconds - policy.startup_seconds) * 1_000;
  // Each worker has its slots on every queue: the queue that needs most decides.
  const [most, needed] = seen.queues
    .map((queue) => [queue, neededBy(queue, window)] as const)
    .reduce((a, b) => (b[1] > a[1] ? b : a));
  if (backlog === 0) return { workers: needed, reason: `${running} running, none waits` };
  const each = `${seconds(most.processing_ms ?? GUESSED_PROCESSING_MS)} each${most.processing_ms === undefined ? ' by guess' : ''}`;
  const words = `${backlog} wait, ${running} run, ${each}`;
  if (oldestMs > policy.target_wait_seconds * 1_000 && seen.starting === 0 && needed <= present) {
    return { workers: present + 1, reason: `${words}; the oldest has waited ${seconds(oldestMs)}` };
  }
  return { workers: Math.max(needed, 1), reason: words };
}

/** @param window what is left of the target for a worker that starts now; the least is one job per slot */
function neededBy({ backlog, running, slots, processing_ms: known }: QueueObservation, window: number): number {
  const each = Math.max(known ?? GUESSED_PROCESSING_MS, 1);
  const waves = Math.max(1, window / each);
  return Math.ceil(running / slots + backlog / (slots * waves));
}

/**
 * Growth at once; fewer only when fewer were enough through the whole cool-down.
 * @param most that was wanted within it
 * @param watched all of it
 */
function settled(asked: Wish, most: number, present: number, watched: boolean): Wish {
  if (asked.workers >= present || asked.asleep) return asked;
  if (!watched || most >= present) return { workers: present, reason: `${asked.reason}; cooling down` };
  return { workers: most, reason: asked.reason };
}

function limited(wish: Wish, seen: PoolObservation, policy: ScalingPolicy, present: number): Wish {
  let { workers, reason } = wish;
  const cap = (most: number, why: string) => {
    if (workers <= most) return;
    workers = most;
    reason += `; ${why}`;
  };
  const { success_rate: rate, spent_today: spent } = seen;
  if (rate !== undefined && rate < policy.min_success_rate) {
    cap(Math.max(present, 1), `no more while ${Math.round(rate * 100)} % succeed`);
  }
  cap(present + policy.max_step, `${policy.max_step} at a time`);
  cap(policy.max_workers, `max_workers is ${policy.max_workers}`);
  cap(paidByTheHour(policy), `budget_per_hour of ${policy.budget_per_hour} is reached`);
  if (policy.budget_per_day !== undefined && spent >= policy.budget_per_day) {
    cap(policy.min_workers, `budget_per_day of ${policy.budget_per_day} is spent`);
  }
  if (workers < policy.min_workers) {
    workers = policy.min_workers;
    reason += `; min_workers is ${policy.min_workers}`;
  }
  return { workers, reason };
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 1_000)} s`;
}
