import { decideScale, type ScalingMemory } from './decide.ts';
import { RecentJobs } from './recent-jobs.ts';
import { MinHeap } from './min-heap.ts';
import type { ScalingPolicy } from './policy.schema.ts';

/** One job of a trace. Times in milliseconds. */
export interface TraceJob {
  at: number;
  duration: number;
  failed?: boolean;
}

export interface SimulationOptions {
  policy: ScalingPolicy;
  /** Jobs one worker runs at a time. */
  slots: number;
  /** So many workers all the time, ready at the first job, instead of what the policy decides. */
  fixed?: number;
  /** Between two decisions. Default 5 s. */
  tickMs?: number;
}

export interface SimulationResult {
  /** Jobs that were run. */
  jobs: number;
  /** Jobs that never were: the policy let a week pass without a worker for them. */
  unfinished: number;
  /** Waiting times of the jobs that were run, milliseconds. */
  wait: { p50: number; p95: number; p99: number; max: number };
  workers: { mean: number; peak: number; started: number };
  /** Hours of workers, from order to end, and what they cost; undefined without `cost_per_hour`. */
  worker_hours: number;
  cost: number | undefined;
  /** Share of the workers' time that ran jobs, 0–1. */
  utilization: number;
  /** From the first job to the last end. */
  makespan_ms: number;
}

interface SimulatedWorker {
  readyAt: number;
  orderedAt: number;
  busy: number;
  draining: boolean;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A policy under which so much time passes while jobs wait and nothing runs will never run them. */
const HOPELESS_MS = 7 * DAY_MS;

/**
 * Plays a trace against a policy: first in, first out, `slots` jobs per worker, a decision every tick. The decision is
 * the one that runs in production; drained workers end when their last job does.
 * @param trace in any order
 */
export function simulate(trace: readonly TraceJob[], options: SimulationOptions): SimulationResult {
  const world = new World(
    [...trace].sort((a, b) => a.at - b.at),
    options,
  );
  world.run();
  return world.result();
}

class World {
  readonly #jobs: readonly TraceJob[];
  readonly #policy: ScalingPolicy;
  readonly #slots: number;
  readonly #tickMs: number;
  readonly #fixed: number | undefined;
  readonly #ends = new MinHeap<{ at: number; worker: SimulatedWorker; job: TraceJob; startedAt: number }>((e) => e.at);
  readonly #recent = new RecentJobs();
  readonly #waits: number[] = [];
  #workers: SimulatedWorker[] = [];
  #arrived = 0;
  #taken = 0;
  #memory: ScalingMemory | undefined;
  #workerMs = 0;
  #busyMs = 0;
  #peak = 0;
  #started = 0;
  #today = { day: -1, ms: 0 };
  #last = 0;

  #progressAt = 0;

  constructor(jobs: readonly TraceJob[], { policy, slots, tickMs = 5_000, fixed }: SimulationOptions) {
    this.#jobs = jobs;
    this.#policy = policy;
    this.#slots = slots;
    this.#tickMs = tickMs;
    this.#fixed = fixed;
  }

  run(): void {
    const first = this.#jobs[0]?.at ?? 0;
    if (this.#fixed !== undefined) {
      for (let missing = this.#fixed; missing > 0; missing--) this.#order(first, 0);
      this.#peak = this.#fixed;
      this.#advance(Number.POSITIVE_INFINITY);
    } else {
      this.#runTicks(first);
    }
    for (const worker of this.#workers) this.#end(worker, this.#last);
    this.#workers = [];
  }

  #runTicks(first: number): void {
    this.#progressAt = first;
    for (let now = first; this.#unfinished(); now += this.#tickMs) {
      // A trace may have holes of days: nothing happens in them once every worker is gone.
      const next = this.#jobs[this.#taken];
      if (next && this.#workers.length === 0 && next.at > now + this.#tickMs) {
        now = next.at - ((next.at - now) % this.#tickMs);
      }
      this.#advance(now);
      this.#decide(now);
      if (this.#ends.size > 0 || this.#arrived === this.#taken) this.#progressAt = now;
      else if (now - this.#progressAt > HOPELESS_MS) return;
    }
  }

  #unfinished(): boolean {
    return this.#taken < this.#jobs.length || this.#ends.size > 0;
  }

  /** Everything that happens up to `now`, in order. */
  #advance(now: number): void {
    for (;;) {
      const arrival = this.#jobs[this.#arrived]?.at ?? Infinity;
      const end = this.#ends.peek()?.at ?? Infinity;
      const ready = this.#nextReady();
      const at = Math.min(arrival, end, ready);
      if (at > now || at === Number.POSITIVE_INFINITY) break;
      if (at === end) this.#finish();
      else if (at === arrival) this.#arrived++;
      this.#take(at);
    }
    if (now !== Number.POSITIVE_INFINITY) this.#take(now);
  }

  /** When the next worker that is still starting can take what waits. */
  #nextReady(): number {
    if (this.#arrived === this.#taken) return Infinity;
    let soonest = Infinity;
    for (const worker of this.#workers) {
      if (worker.busy === 0 && !worker.draining && worker.readyAt > this.#last) {
        soonest = Math.min(soonest, worker.readyAt);
      }
    }
    return soonest;
  }

  #take(now: number): void {
    this.#last = Math.max(this.#last, now);
    while (this.#taken < this.#arrived) {
      const worker = this.#workers.find((w) => !w.draining && w.readyAt <= now && w.busy < this.#slots);
      if (!worker) return;
      const job = this.#jobs[this.#taken++]!;
      worker.busy++;
      this.#waits.push(now - job.at);
      this.#ends.push({ at: now + job.duration, worker, job, startedAt: now });
    }
  }

  #finish(): void {
    const { at, worker, job, startedAt } = this.#ends.pop()!;
    worker.busy--;
    this.#busyMs += at - startedAt;
    this.#recent.add({ duration: at - startedAt, succeeded: !job.failed });
    if (worker.draining && worker.busy === 0) this.#remove(worker, at);
  }

  #decide(now: number): void {
    const active = this.#workers.filter(({ draining }) => !draining);
    const day = Math.floor(now / DAY_MS);
    if (day !== this.#today.day) this.#today = { day, ms: 0 };
    this.#today.ms += this.#workers.length * this.#tickMs;
    const { workers, memory } = decideScale(
      {
        now,
        queues: [
          {
            capability: 'trace',
            backlog: this.#arrived - this.#taken,
            oldest_ms: this.#arrived > this.#taken ? now - this.#jobs[this.#taken]!.at : 0,
            running: this.#ends.size,
            slots: this.#slots,
            processing_ms: this.#recent.processingMs,
          },
        ],
        ready: active.filter(({ readyAt }) => readyAt <= now).length,
        starting: active.filter(({ readyAt }) => readyAt > now).length,
        success_rate: this.#recent.successRate,
        spent_today: (this.#today.ms / HOUR_MS) * (this.#policy.cost_per_hour ?? 0),
      },
      this.#policy,
      this.#memory,
    );
    this.#memory = memory;
    for (let missing = workers - active.length; missing > 0; missing--) this.#order(now);
    if (workers < active.length) this.#drain(active, active.length - workers, now);
    this.#peak = Math.max(this.#peak, this.#workers.length);
  }

  #order(now: number, startupMs = this.#policy.startup_seconds * 1_000): void {
    const readyAt = now + startupMs;
    this.#workers.push({ orderedAt: now, readyAt, busy: 0, draining: false });
    this.#started++;
  }

  /** The idlest first: what waits for a job's end costs most. */
  #drain(active: SimulatedWorker[], count: number, now: number): void {
    for (const worker of [...active].sort((a, b) => a.busy - b.busy).slice(0, count)) {
      worker.draining = true;
      if (worker.busy === 0) this.#remove(worker, now);
    }
  }

  #remove(worker: SimulatedWorker, now: number): void {
    this.#workers = this.#workers.filter((other) => other !== worker);
    this.#end(worker, now);
  }

  #end(worker: SimulatedWorker, now: number): void {
    this.#workerMs += now - worker.orderedAt;
  }

  result(): SimulationResult {
    const sorted = Float64Array.from(this.#waits).sort();
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
    const makespan = this.#last - (this.#jobs[0]?.at ?? 0);
    const hours = this.#workerMs / HOUR_MS;
    const price = this.#policy.cost_per_hour;
    return {
      jobs: this.#waits.length,
      unfinished: this.#jobs.length - this.#waits.length,
      wait: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? 0 },
      workers: { mean: makespan > 0 ? this.#workerMs / makespan : 0, peak: this.#peak, started: this.#started },
      worker_hours: hours,
      cost: price === undefined ? undefined : hours * price,
      utilization: this.#workerMs > 0 ? this.#busyMs / (this.#workerMs * this.#slots) : 0,
      makespan_ms: makespan,
    };
  }
}
