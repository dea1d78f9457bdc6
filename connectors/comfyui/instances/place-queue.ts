import type { JobData } from '../../contract/connector.ts';
import type { InstanceManager } from './instance-manager.ts';
import { pickInstance, wishOf } from './job-places.ts';
import type { KeptInstance } from './kept-instance.ts';

export interface PlaceWish<T> {
  job: JobData;
  /** Instances that have failed this job. */
  tried: ReadonlySet<string>;
  signal: AbortSignal;
  /** How long it waits for an instance to come up when none runs. */
  patienceMs: number;
  /** Begins on an instance that has room; called at once, so that two jobs do not see the same room. */
  begin: (instance: KeptInstance) => Promise<T>;
  onWait: () => void;
}

interface Waiter {
  named: boolean;
  /** Whether it waits no longer. */
  look(): boolean;
}

/** So often who waits is looked after, when nothing happens. Milliseconds. */
const TICK_MS = 1_000;

/** Jobs that wait for an instance with room, served in the order they came. */
export class PlaceQueue {
  readonly #manager: InstanceManager;
  readonly #waiters = new Set<Waiter>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = false;

  constructor(manager: InstanceManager) {
    this.#manager = manager;
  }

  /**
   * Begins as soon as there is room.
   * @throws as `pickInstance`, the signal's reason, and what `begin` comes to
   */
  async place<T>(wish: PlaceWish<T>): Promise<T> {
    const { job, tried, signal, patienceMs, begin, onWait } = wish;
    signal.throwIfAborted();
    const named = wishOf(job) !== undefined;
    let lonelySince: number | undefined;
    const look = (): { begun: Promise<T> } | undefined => {
      const patient = performance.now() - (lonelySince ?? performance.now()) < patienceMs;
      const instance = pickInstance(this.#manager, job, tried, patient);
      // An instance that is full will have room; only one that is away is waited for with a limit.
      if (this.#manager.getHealthyInstance() !== null) lonelySince = undefined;
      else lonelySince ??= performance.now();
      return instance && { begun: begin(instance) };
    };
    const ahead = [...this.#waiters].some((waiter) => !waiter.named);
    const now = named || !ahead ? look() : undefined;
    if (now) return now.begun;
    onWait();
    const { begun } = await this.#wait(look, named, signal);
    return begun;
  }

  #wait<B>(look: () => B | undefined, named: boolean, signal: AbortSignal): Promise<B> {
    return new Promise<B>((resolve, reject) => {
      const end = () => {
        signal.removeEventListener('abort', onAbort);
        this.#leave(waiter);
      };
      const onAbort = () => {
        end();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        named,
        look() {
          try {
            const found = look();
            if (!found) return false;
            end();
            resolve(found);
          } catch (error) {
            end();
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          return true;
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#unsubscribe ??= this.#manager.subscribe(() => this.#soon());
      this.#timer ??= setInterval(() => this.#serve(true), TICK_MS).unref();
    });
  }

  #leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Many changes at a time are one. */
  #soon(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      this.#serve(false);
    });
  }

  /** @param all also those that can only be told that it is in vain */
  #serve(all: boolean): void {
    for (const waiter of [...this.#waiters]) {
      if (!all && !waiter.named && !this.#manager.instanceWithRoom()) continue;
      waiter.look();
    }
  }
}
