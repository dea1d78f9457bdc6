import { slotLimit, type WorkerSlots } from '../../contract/worker-slots.ts';
import type { PoolControl } from '../../contract/pool-control.ts';
import { SharedSlots } from './shared-slots.ts';

/** The slots of all queues of one worker process, which follow what operators set for their pools. */
export class PoolSlots {
  readonly #queues = new Map<string, { pool: string; own: WorkerSlots; slots: SharedSlots }>();
  readonly #controls = new Map<string, PoolControl>();
  readonly #unwell = new Set<string>();

  /** The slots of one queue; made once. */
  add(taskQueue: string, pool: string, own: WorkerSlots): SharedSlots {
    const slots = new SharedSlots(own.base);
    this.#queues.set(taskQueue, { pool, own, slots });
    this.#apply(pool);
    return slots;
  }

  /** Those of a queue that was added, for the workers of queues derived from it. */
  of(taskQueue: string): { slots: SharedSlots; own: WorkerSlots } {
    const found = this.#queues.get(taskQueue);
    if (!found) throw new Error(`no slots for ${taskQueue}`);
    return found;
  }

  /** Takes what now holds for a pool. */
  follow(pool: string, control: PoolControl): void {
    this.#controls.set(pool, control);
    this.#apply(pool);
  }

  /** Whether a queue, with those derived from it, gets slots; without them its jobs go elsewhere or wait. */
  hold(taskQueue: string, held: boolean): void {
    const queue = this.#queues.get(taskQueue);
    if (!queue || held === this.#unwell.has(taskQueue)) return;
    if (held) this.#unwell.add(taskQueue);
    else this.#unwell.delete(taskQueue);
    this.#apply(queue.pool);
  }

  queues(): { pool: string; taskQueue: string }[] {
    return [...this.#queues].map(([taskQueue, { pool }]) => ({ taskQueue, pool }));
  }

  /** Present limits by queue. */
  limits(): Map<string, number> {
    return new Map([...this.#queues].map(([taskQueue, { slots }]) => [taskQueue, slots.limit]));
  }

  #apply(pool: string): void {
    const control = this.#controls.get(pool);
    for (const [taskQueue, queue] of this.#queues) {
      if (queue.pool !== pool) continue;
      if (control) queue.slots.limit = slotLimit(queue.own, control.limits.max_concurrent_jobs);
      const away = control !== undefined && control.state !== 'active';
      // The server holds the pool's own queues; one that pools share goes on elsewhere, and only this worker stays away.
      queue.slots.held = (one) => this.#unwell.has(taskQueue) || (away && !isOf(pool, one));
    }
  }
}

/** Whether the pool has the queue for itself. */
export function isOf(pool: string, taskQueue: string): boolean {
  return taskQueue.startsWith(`${pool}.`);
}
