/** What one Temporal worker counts of a queue since it started, and how many jobs it runs now. */
export interface WorkerCount {
  /** Names the worker; a restarted one has another. */
  key: string;
  running: number;
  /** Attempts that ended, and those of them that failed. */
  ended: number;
  failed: number;
}

/** Jobs that tell of the present: enough ended ones, and no more than so many parts. */
const KEPT = 50;
const MAX_PARTS = 720;
/** Fewer say nothing of a rate. */
const ENOUGH = 5;

interface Part {
  /** Milliseconds that jobs ran, over all of them. */
  busyMs: number;
  ended: number;
  failed: number;
}

/**
 * Mean time and success of a queue's latest jobs, from what its workers count: the time that jobs ran, divided by how many
 * ended. No job is asked for, so it costs nothing; what a worker counted between its last beat and its end is lost, which
 * makes it a hint, and nothing more is built on it.
 */
export class RecentFlow {
  #known = new Map<string, WorkerCount>();
  #parts: Part[] = [];
  #at: number | undefined;

  /** @param now milliseconds of any clock that does not jump */
  add(now: number, workers: readonly WorkerCount[]): void {
    const part: Part = { busyMs: 0, ended: 0, failed: 0 };
    const elapsed = this.#at === undefined ? 0 : now - this.#at;
    for (const worker of workers) {
      const before = this.#known.get(worker.key);
      part.busyMs += (elapsed * ((before?.running ?? 0) + worker.running)) / 2;
      // What a worker did before it was first seen took its time then, which nobody has measured.
      if (before === undefined) continue;
      part.ended += Math.max(0, worker.ended - before.ended);
      part.failed += Math.max(0, worker.failed - before.failed);
    }
    this.#at = now;
    this.#known = new Map(workers.map((worker) => [worker.key, worker]));
    if (part.busyMs > 0 || part.ended > 0) this.#parts.push(part);
    this.#forget();
  }

  /** Milliseconds; undefined before the first end, unless what runs has run for longer than `least` on average. */
  processingMs(least: number): number | undefined {
    const { busyMs, ended } = this.counts();
    if (ended > 0) return busyMs / ended;
    const running = [...this.#known.values()].reduce((sum, worker) => sum + worker.running, 0);
    const soFar = running > 0 ? busyMs / running : 0;
    return soFar > least ? soFar : undefined;
  }

  /** Of the latest ended attempts. */
  counts(): Part {
    const sum: Part = { busyMs: 0, ended: 0, failed: 0 };
    for (const part of this.#parts) {
      sum.busyMs += part.busyMs;
      sum.ended += part.ended;
      sum.failed += part.failed;
    }
    return sum;
  }

  /** Only as much of the past as the latest jobs need. */
  #forget(): void {
    let ended = this.counts().ended;
    while (this.#parts.length > MAX_PARTS || ended - (this.#parts[0]?.ended ?? 0) >= KEPT) {
      ended -= this.#parts.shift()?.ended ?? 0;
    }
  }
}

/** Share of ended attempts that succeeded, over several queues; undefined while too few have ended. */
export function successRate(flows: Iterable<RecentFlow>): number | undefined {
  let [ended, failed] = [0, 0];
  for (const flow of flows) {
    const counts = flow.counts();
    ended += counts.ended;
    failed += counts.failed;
  }
  return ended < ENOUGH ? undefined : 1 - failed / ended;
}
