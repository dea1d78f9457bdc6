import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../platform/logging/logger.ts';
import type { ScalingDriver, ScalingOrder } from './driver.ts';

/** An order that keeps its id however often it is given. */
export interface PassedOrder extends ScalingOrder {
  id: string;
}

export interface PassingDriverOptions {
  /** Hands an order on; the same one may be handed on again. Rejects with words for people. */
  send: (order: PassedOrder, signal: AbortSignal) => Promise<void>;
  /** Time from an order to its workers. Milliseconds. */
  startupMs: (pool: string) => number;
  logger: Logger;
  /** After so long an order whose workers are not all there is given again. Default 60 s. Milliseconds. */
  remindMs?: number;
}

interface PoolOrders {
  last?: PassedOrder & { at: number; sentAt: number };
  /** Workers seen at the last look. */
  ready?: number;
  /** Orders on their way. */
  sending: Set<PassedOrder>;
  problem?: string;
}

/** A worker that has not come after so many start-up times is not waited for any longer. */
const PATIENCE = 3;

/**
 * Passes orders on to somebody who starts and stops the workers. An order says how many there shall be, so that giving it
 * twice does no harm; a new one goes out at once, the same one again as long as it is not fulfilled.
 */
export class PassingDriver implements ScalingDriver {
  readonly #options: PassingDriverOptions;
  readonly #pools = new Map<string, PoolOrders>();
  readonly #closing = new AbortController();
  readonly #prefix = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  #count = 0;

  constructor(options: PassingDriverOptions) {
    this.#options = options;
  }

  own(): undefined {
    return undefined;
  }

  awaited(pool: string, ready: number): number {
    const orders = this.#orders(pool);
    orders.ready = ready;
    const { last } = orders;
    if (!last || last.workers <= ready) return 0;
    return performance.now() - last.at < PATIENCE * this.#options.startupMs(pool) ? last.workers - ready : 0;
  }

  order(order: ScalingOrder): void {
    const state = this.#orders(order.pool);
    const now = performance.now();
    const { last } = state;
    if (last?.workers === order.workers) {
      const due = now - last.sentAt >= (this.#options.remindMs ?? 60_000);
      if (!due || state.ready === last.workers || [...state.sending].some(({ id }) => id === last.id)) return;
      last.sentAt = now;
      void this.#send(state, last);
      return;
    }
    // A pool may take long to shrink: growth does not wait for that, shrinking waits its turn.
    const shrinks = last !== undefined && order.workers < last.workers;
    if (shrinks && state.sending.size > 0) return;
    state.last = { ...order, id: `scale_${this.#prefix}${++this.#count}`, at: now, sentAt: now };
    void this.#send(state, state.last);
  }

  problem(pool: string): string | undefined {
    return this.#orders(pool).problem;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the scaler stops'));
    while ([...this.#pools.values()].some(({ sending }) => sending.size > 0)) await sleep(20);
  }

  #orders(pool: string): PoolOrders {
    const orders = this.#pools.get(pool) ?? { sending: new Set() };
    this.#pools.set(pool, orders);
    return orders;
  }

  async #send(state: PoolOrders, order: PassedOrder): Promise<void> {
    const { send, logger } = this.#options;
    state.sending.add(order);
    try {
      await send(order, this.#closing.signal);
      if (state.last?.id === order.id) state.problem = undefined;
      logger.info({ pool: order.pool, workers: order.workers, order: order.id }, 'order passed on');
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      state.problem = `the order for ${order.workers} workers could not be passed on: ${(error as Error).message}`;
      logger.warn({ pool: order.pool, workers: order.workers, order: order.id, err: error }, 'order not passed on');
    } finally {
      state.sending.delete(order);
    }
  }
}
