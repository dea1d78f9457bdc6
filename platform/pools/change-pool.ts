import type { Client } from '@temporalio/client';
import type { FieldError } from '../../contract/errors.ts';
import type { PoolControl, PoolLimit, PoolState } from '../../contract/pool-control.ts';
import type { Pool } from '../catalog/pools.schema.ts';
import { InvalidJobError } from '../routing/invalid-job-error.ts';
import { withLimits } from './control-document.ts';
import type { LivePools } from './live-pools.ts';
import { applyState } from './queue-hold.ts';

/** What an operator asks of a pool. */
export interface PoolChange {
  state?: PoolState;
  note?: string;
  /** null: as configured again. */
  limits?: Partial<Record<PoolLimit, number | null>>;
}

const TIMEOUT_MS = 5_000;

/**
 * Changes pools, one change of a pool after the other. Two API processes that change one at the same moment: the later
 * one stands, and the answers show which.
 */
export class PoolChanger {
  readonly #client: Client;
  readonly #pools: LivePools;
  /** Queues of a pool that may have jobs or workers. */
  readonly #queuesOf: (pool: string) => Iterable<string>;
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(client: Client, pools: LivePools, queuesOf: (pool: string) => Iterable<string>) {
    this.#client = client;
    this.#pools = pools;
    this.#queuesOf = queuesOf;
  }

  /**
   * Durable when it resolves, and obeyed by the queues known here; workers bring the others into line when they see it.
   * @throws InvalidJobError for limits that do not go together; TemporalUnavailableError, TemporalBusyError
   */
  change(pool: string, change: PoolChange): Promise<PoolControl> {
    const turn = (this.#tails.get(pool) ?? Promise.resolve()).catch(() => {}).then(() => this.#change(pool, change));
    this.#tails.set(pool, turn);
    return turn;
  }

  async #change(pool: string, change: PoolChange): Promise<PoolControl> {
    const before = await this.#pools.read(pool);
    const limits = { ...before.limits };
    for (const [name, value] of Object.entries(change.limits ?? {}) as [PoolLimit, number | null][]) {
      if (value === null) delete limits[name];
      else limits[name] = value;
    }
    checkTogether(withLimits(this.#pools.configured(pool)!, limits), change);
    const state = change.state ?? before.state;
    const same = state === before.state;
    const note = change.note ?? (same ? before.note : undefined);
    const since = same && before.since !== undefined ? before.since : Date.now();
    const after: PoolControl = { v: 1, state, since, ...(note ? { note } : {}), limits };
    await this.#pools.write(pool, after);
    if (change.state !== undefined) {
      const queues = [...new Set(this.#queuesOf(pool))];
      await Promise.all(queues.map((queue) => applyState(this.#client, queue, pool, state, TIMEOUT_MS)));
    }
    return after;
  }
}

function checkTogether(pool: Pool, { limits = {} }: PoolChange): void {
  const errors: FieldError[] = [];
  const atMost = (small: PoolLimit, large: PoolLimit) => {
    if (pool[small] <= pool[large]) return;
    const named = limits[small] === undefined || limits[small] === null ? large : small;
    if (!(named in limits)) return;
    errors.push({
      pointer: `/${named}`,
      detail: `${small} ${pool[small]} is over ${large} ${pool[large]}`,
      hint: `change ${named === small ? large : small} with it`,
    });
  };
  atMost('timeout_seconds', 'max_timeout_seconds');
  atMost('retry_attempts', 'max_retry_attempts');
  atMost('retry_initial_interval_seconds', 'retry_max_interval_seconds');
  if (errors.length > 0) throw new InvalidJobError('validation', errors);
}
