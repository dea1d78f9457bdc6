/** One order: so many workers for a pool, those that drain not counted. */
export interface ScalingOrder {
  pool: string;
  workers: number;
  reason: string;
}

/** Workers that a driver runs itself. */
export interface OwnWorkers {
  ready: number;
  starting: number;
  draining: number;
  /** Process ids on this host, of all of them: to tell them from other workers of the pool. */
  pids: ReadonlySet<number>;
}

/** Makes pools have as many workers as wanted. Orders come again at every tick, changed or not. */
export interface ScalingDriver {
  /** Its own workers of a pool; undefined for a driver that passes orders on and knows of workers only what all see. */
  own(pool: string): OwnWorkers | undefined;
  /**
   * Workers that were ordered and have not come yet.
   * @param ready those that have
   */
  awaited(pool: string, ready: number): number;
  /** Carries the order out, or begins to; never throws, see {@link problem}. */
  order(order: ScalingOrder): void;
  /** Why workers could not be had lately, in words. */
  problem(pool: string): string | undefined;
  /** Ends what belongs to this process. */
  close(): Promise<void>;
}
