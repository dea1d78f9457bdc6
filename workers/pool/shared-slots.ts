import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

/**
 * How long a queue that was given a free slot has it alone, to see whether a job waits there, before another queue is
 * asked as well. Milliseconds.
 */
const TURN_MS = 50;

/** How long a free slot is kept for a job that was refused, until that comes back. Milliseconds. */
const OWED_MS = 2_500;

interface Waiting {
  queue: string;
  grant(): void;
}

/**
 * The slots of one capability, which the workers of its plain queue and of the queues derived from it have in common.
 * Their number can change while they run; a smaller one interrupts nothing. Free slots go round the queues, so that none
 * of them can keep a worker for itself.
 *
 * A poll that is under way cannot be called back. While all slots are used it may still bring a job in: `admit` refuses
 * that one, at most one for each poll, and it goes back to its queue. The next free slot is owed to that queue for a
 * while, or a queue that always has jobs would be faster each time.
 */
export class SharedSlots {
  #limit: number;
  #waiting: Waiting[] = [];
  /** Permits that are out with a poll, by queue. */
  readonly #polling = new Map<string, Set<SlotPermit>>();
  #held: (queue: string) => boolean = () => false;
  #used = 0;
  #running = 0;
  /** Queues a job was sent back to that is expected again. */
  readonly #owed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limit jobs at a time, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#endTurn();
  }

  /** Queues that get no slot for now. Default: none. */
  set held(held: (queue: string) => boolean) {
    this.#held = held;
    this.#endTurn();
  }

  /** For the worker of one of the queues. */
  supplierFor(queue: string): CustomSlotSupplier<ActivitySlotInfo> {
    const polling = this.#polling.get(queue) ?? new Set<SlotPermit>();
    const used = new Set<SlotPermit>();
    this.#polling.set(queue, polling);
    return {
      type: 'custom',
      reserveSlot: (_, signal) => this.#reserve(queue, polling, signal),
      // Asked for work that is handed out without a poll: jobs never are.
      tryReserveSlot: () => null,
      markSlotUsed: ({ permit }) => {
        polling.delete(permit);
        used.add(permit);
        this.#used += 1;
      },
      releaseSlot: ({ permit }) => {
        polling.delete(permit);
        if (used.delete(permit)) this.#used -= 1;
        this.#next();
      },
    };
  }

  /**
   * Asked by each job before it begins.
   * @returns what to call when it is over; undefined when it must go back to its queue
   */
  admit(queue: string): (() => void) | undefined {
    if (this.#held(queue)) return undefined;
    const free = this.#limit - this.#running;
    const owed = this.#owed.has(queue);
    if (free <= 0 || (!owed && free <= this.#owed.size)) {
      this.#owed.add(queue);
      return undefined;
    }
    this.#owed.delete(queue);
    this.#running += 1;
    this.#endTurn();
    return () => {
      this.#running -= 1;
      this.#next();
    };
  }

  /** The queue is polled no more. */
  forget(queue: string): void {
    this.#polling.delete(queue);
    if (this.#owed.delete(queue)) this.#endTurn();
  }

  #reserve(queue: string, polling: Set<SlotPermit>, signal: AbortSignal): Promise<SlotPermit> {
    return new Promise((resolve, reject) => {
      const permit: SlotPermit = {};
      const waiting: Waiting = {
        queue,
        grant: () => {
          polling.add(permit);
          resolve(permit);
        },
      };
      // The SDK aborts only what it has not received: a permit given in that very moment must be taken back.
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        if (polling.delete(permit)) this.#next();
        reject(signal.reason as Error);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  /** Gives the queue that has waited longest its turn, and the others theirs while slots are left. */
  #next(): void {
    const free = this.#limit - Math.max(this.#used, this.#running);
    if (this.#timer !== undefined || free <= 0) return;
    const kept = this.#owed.size >= free;
    const index = this.#waiting.findIndex(
      ({ queue }) =>
        (!kept || this.#owed.has(queue)) && !this.#held(queue) && (this.#polling.get(queue)?.size ?? 0) < free,
    );
    const [first] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (!first && !kept) return;
    first?.grant();
    // Alone it need not wait for others.
    if (!kept && this.#polling.size < 2) return this.#next();
    this.#timer = setTimeout(
      () => {
        if (kept) this.#owed.clear();
        this.#endTurn();
      },
      kept ? OWED_MS : TURN_MS,
    ).unref();
  }

  #endTurn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next();
  }
}
