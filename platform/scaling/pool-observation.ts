/** One pool at one moment. Times in milliseconds. */
export interface PoolObservation {
  now: number;
  /** Jobs that wait. */
  backlog: number;
  /** How long the oldest of them has waited. */
  oldest_ms: number;
  /** Jobs under way. */
  running: number;
  /** Workers that take jobs. */
  ready: number;
  /** Workers ordered but not ready yet. */
  starting: number;
  /** Jobs one worker runs at a time. */
  slots: number;
  /** Mean time of a job, of the latest that ended; undefined before the first. */
  processing_ms: number | undefined;
  /** Share of the latest jobs that succeeded, 0–1; undefined when too few have ended to tell. */
  success_rate: number | undefined;
  /** Spent since midnight UTC. */
  spent_today: number;
}
