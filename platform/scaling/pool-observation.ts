/** One queue of a pool. Every worker of the pool serves it, unless `unserved` says otherwise. */
export interface QueueObservation {
  capability: string;
  /** Jobs that wait. */
  backlog: number;
  /** How long the oldest of them has waited. Milliseconds. */
  oldest_ms: number;
  /** Jobs under way. */
  running: number;
  /** Jobs one worker runs at a time. */
  slots: number;
  /** Mean time of a job, of the latest that ended; undefined before the first. Milliseconds. */
  processing_ms: number | undefined;
  /** The pool has workers, and none of them takes jobs of this queue: more of the same would not either. */
  unserved?: boolean;
}

/** One pool at one moment. */
export interface PoolObservation {
  /** Epoch milliseconds. */
  now: number;
  queues: readonly QueueObservation[];
  /** Workers that take jobs. */
  ready: number;
  /** Workers ordered but not ready yet. */
  starting: number;
  /** Why nothing new starts in the pool, e.g. `paused`: what waits needs no workers then. */
  held?: string;
  /** Share of the latest attempts that succeeded, 0–1; undefined when too few have ended to tell. */
  success_rate: number | undefined;
  /** Spent since midnight UTC. */
  spent_today: number;
}

/** Jobs of all queues that wait or run, and the longest wait. */
export function workOf({ queues }: PoolObservation): { backlog: number; running: number; oldestMs: number } {
  return {
    backlog: queues.reduce((sum, { backlog }) => sum + backlog, 0),
    running: queues.reduce((sum, { running }) => sum + running, 0),
    oldestMs: queues.reduce((most, { oldest_ms: ms }) => Math.max(most, ms), 0),
  };
}
