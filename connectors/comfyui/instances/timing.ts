/** Intervals and thresholds. Milliseconds where nothing else is said. */
export interface InstanceTiming {
  /** Between two health checks of an instance. */
  healthMs: number;
  /** Between two looks at its resources and its queue. */
  resourcesMs: number;
  /** No answer for so long is a time-out, and told as one. */
  connectMs: number;
  /** An answer that took longer makes it `degraded`. */
  slowMs: number;
  /** Prompts that wait while nothing runs, for so long: its worker thread is dead. */
  deadThreadMs: number;
  /** For a prompt that is over its time to let go, before its instance is restarted. */
  letGoMs: number;
  /** Between two writes of history and statistics. */
  saveMs: number;
  /** Between two looks of who only reads along whether the files have changed. */
  followMs: number;
  /** Failed checks in a row that make it `unhealthy`, and have it restarted. */
  failures: number;
  /** Errors a minute above which an alert is raised. */
  errorsPerMinute: number;
  /** Percent of a resource above which an alert is raised. */
  usagePercent: number;
  /** Restarts by this manager within ten minutes; after those it stays in `error`. */
  restarts: number;
}

export const INSTANCE_TIMING: Readonly<InstanceTiming> = {
  healthMs: 30_000,
  resourcesMs: 5_000,
  connectMs: 30_000,
  slowMs: 5_000,
  deadThreadMs: 30_000,
  letGoMs: 30_000,
  saveMs: 2_000,
  followMs: 1_000,
  failures: 3,
  errorsPerMinute: 5,
  usagePercent: 90,
  restarts: 3,
};
