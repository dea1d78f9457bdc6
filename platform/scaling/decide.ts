import { alertsOf, type ScalingAlert } from './alerts.ts';
import type { PoolObservation } from './pool-observation.ts';
import type { ScalingPolicy } from './policy.schema.ts';

/** What a pool's scaling remembers between two ticks. */
export interface ScalingMemory {
  /** Latest moment with work. */
  busy_at: number;
  /** What was wanted, by time, no older than the cool-down. */
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
 * @param memory of the last tick; undefined at the first
 */
export function decideScale(
  seen: PoolObservation,
  policy: ScalingPolicy,
  memory: ScalingMemory | undefined,
): ScalingDecision {
  const present = seen.ready + seen.starting;
  const busy = seen.backlog > 0 || seen.running > 0;
  const busyAt = busy ? seen.now : (memory?.busy_at ?? seen.now);
  const asked = wantedBy(seen, policy, present, seen.now - busyAt);
  const since = seen.now - policy.cooldown_seconds * 1_000;
  const wanted = [...(memory?.wanted ?? []).filter(({ at }) => at > since), { at: seen.now, workers: asked.workers }];
  const steady = settled(asked, wanted, present, memory, since);
  const { workers, reason } = limited(steady, seen, policy, present);
  return {
    workers,
    reason,
    alerts: alertsOf(seen, policy, workers, asked.workers),
    memory: { busy_at: busyAt, wanted },
  };
}

interface Wish {
  workers: number;
  reason: string;
}

/** By the work alone. */
function wantedBy(seen: PoolObservation, policy: ScalingPolicy, present: number, idleMs: number): Wish {
  const { backlog, running, slots } = seen;
  if (backlog === 0 && running === 0) {
    if (idleMs >= policy.idle_seconds * 1_000) return { workers: 0, reason: `idle for ${seconds(idleMs)}` };
    return { workers: Math.min(present, 1), reason: `idle for ${seconds(idleMs)} only` };
  }
  const occupied = running / slots;
  if (backlog === 0) return { workers: Math.ceil(occupied), reason: `${running} running, none waits` };
  const each = seen.processing_ms ?? GUESSED_PROCESSING_MS;
  const target = policy.target_wait_seconds * 1_000;
  // A worker that starts now gives what is left of the target after its start-up; the least is one job per slot.
  const window = Math.max(target - policy.startup_seconds * 1_000, each);
  const waves = Math.max(1, window / each);
  const needed = Math.ceil(occupied + backlog / (slots * waves));
  const words = `${backlog} wait, ${running} run, ${seconds(each)} each`;
  if (seen.oldest_ms > target && seen.starting === 0 && needed <= present) {
    return { workers: present + 1, reason: `${words}; the oldest has waited ${seconds(seen.oldest_ms)}` };
  }
  return { workers: Math.max(needed, 1), reason: words };
}

/** Growth at once; fewer only when fewer were enough through the whole cool-down. */
function settled(
  asked: Wish,
  wanted: ScalingMemory['wanted'],
  present: number,
  memory: ScalingMemory | undefined,
  since: number,
): Wish {
  if (asked.workers >= present) return asked;
  const most = Math.max(...wanted.map(({ workers }) => workers));
  const watched = memory !== undefined && memory.wanted.some(({ at }) => at <= since + COOLDOWN_SLACK_MS);
  if (asked.reason.startsWith('idle for') && asked.workers === 0) return asked;
  if (!watched || most >= present) return { workers: present, reason: `${asked.reason}; cooling down` };
  return { workers: most, reason: asked.reason };
}

/** Ticks come a little late: memory that is this short of the cool-down counts as all of it. Milliseconds. */
const COOLDOWN_SLACK_MS = 10_000;

function limited(wish: Wish, seen: PoolObservation, policy: ScalingPolicy, present: number): Wish {
  let { workers, reason } = wish;
  const cap = (most: number, why: string) => {
    if (workers <= most) return;
    workers = most;
    reason += `; ${why}`;
  };
  const failing = seen.success_rate !== undefined && seen.success_rate < policy.min_success_rate;
  if (failing) cap(Math.max(present, 1), `no more while ${percent(seen.success_rate!)} succeed`);
  cap(present + policy.max_step, `${policy.max_step} at a time`);
  cap(policy.max_workers, `max_workers is ${policy.max_workers}`);
  const cost = policy.cost_per_hour;
  if (cost !== undefined && policy.budget_per_hour !== undefined) {
    cap(Math.floor(policy.budget_per_hour / cost), `budget_per_hour of ${policy.budget_per_hour} is reached`);
  }
  if (policy.budget_per_day !== undefined && seen.spent_today >= policy.budget_per_day) {
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

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
