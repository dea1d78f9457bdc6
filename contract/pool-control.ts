/** What an operator has said about a pool while it runs. Wire document: snake_case. */

/**
 * `paused`: nothing new starts, jobs stay. `draining`: nothing new starts, and jobs that can run elsewhere are routed
 * there. Under both, what runs goes on to its end.
 */
export type PoolState = 'active' | 'paused' | 'draining';

/** The numbers of a pool that can be changed while it runs; names and meaning are those of `pools.json`. */
export const POOL_LIMITS = [
  'max_concurrent_jobs',
  'timeout_seconds',
  'max_timeout_seconds',
  'retry_attempts',
  'max_retry_attempts',
  'retry_initial_interval_seconds',
  'retry_backoff_coefficient',
  'retry_max_interval_seconds',
  'spill_after_seconds',
] as const;
export type PoolLimit = (typeof POOL_LIMITS)[number];

/** Over what `pools.json` says, until taken back. */
export type PoolLimits = Partial<Record<PoolLimit, number>>;

export interface PoolControl {
  v: 1;
  state: PoolState;
  /** When the state was changed last, epoch milliseconds; absent for a pool nobody has touched. */
  since?: number;
  /** Why, in the operator's words. */
  note?: string;
  limits: PoolLimits;
}

/** A pool nobody has touched. */
export const UNTOUCHED: PoolControl = { v: 1, state: 'active', limits: {} };

/**
 * Longest note, UTF-16 units. The document is kept where Temporal takes 1,000 bytes; with this it always fits.
 */
export const MAX_POOL_NOTE = 160;
