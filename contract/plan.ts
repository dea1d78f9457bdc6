import type { ArtifactRef } from './artifact.ts';
import type { Job } from './job.schema.ts';
import type { Need } from './needs.ts';
import type { ProgressDocument } from './progress.ts';

/** One place a job can run. */
export interface Route {
  pool: string;
  capability: string;
  task_queue: string;
  /** Longest wait in this queue before the next route is tried; absent on the last route. Milliseconds. */
  spill_after_ms?: number;
  /** Tried once and never come back to: the queue of workers that have the job's model loaded. */
  once?: true;
  /** The job stays here: every worker that fits polls this queue, whatever its pool. */
  stay?: true;
}

/** The retry policy after the pool's bounds; our own budget, the server's maximum only stops crash loops. */
export interface RetryPlan {
  max_attempts: number;
  initial_interval_ms: number;
  backoff_coefficient: number;
  max_interval_ms: number;
  /** Attempts that may end by the death of their worker before the job is given up as `worker_lost`. */
  max_crashes: number;
}

/** What routing decides about a validated job: all that the workflow needs to know. */
export interface JobPlan {
  v: 1;
  /** The connector class the mapping names, e.g. `SimulationConnector`. */
  connector: string;
  /** At least one, in order of preference. */
  routes: Route[];
  retry: RetryPlan;
  /** Longest run of one attempt; its end is final (`timed_out`). Milliseconds. */
  run_timeout_ms: number;
  /** Silence after which the server takes an attempt for dead. Milliseconds. */
  heartbeat_timeout_ms: number;
  /** Longest time until the first start. Milliseconds. */
  start_timeout_ms?: number;
  /** How long artifacts are kept after the end. Milliseconds. */
  artifact_retention_ms: number;
  /** Why no configured pool met the requirements; in plans of older releases, for the pool `unmatched`. */
  unmatched?: string;
  /** What the job needs beyond a worker of its service, in words. */
  needs?: string;
  /** Set when nobody is known to poll for these needs: workers are told of them, so that those that fit begin to. */
  announce?: Need;
}

/** Second argument of the `job` workflow when the API has validated and routed already. */
export interface PreparedJob {
  plan: JobPlan;
  /** Id of the job this one repeats. */
  retry_of?: string;
}

/** Whether a second argument of the `job` workflow is one of the API's making: a person may have typed anything. */
export function isPrepared(value: unknown): value is PreparedJob {
  const plan = (value as Partial<PreparedJob> | null | undefined)?.plan as Partial<JobPlan> | null | undefined;
  return plan?.v === 1 && Array.isArray(plan.routes) && plan.routes.length > 0 && typeof plan.retry === 'object';
}

/** Argument of the `processJob` activity. */
export interface JobTask {
  job_id: string;
  tenant: string;
  /** Epoch milliseconds of the workflow's start. */
  created_at: number;
  job: Job;
  connector: string;
  pool: string;
  capability: string;
  retry: RetryPlan;
  run_timeout_ms: number;
  artifact_retention_ms: number;
  /** Last heartbeat of an earlier activity of this job (spill-over, another pool): the server hands on none itself. */
  inherited?: ProgressDocument;
}

/** Result of `processJob` and of the workflow. */
export interface JobOutcome {
  /** The connector's own result; JSON, at most 256 KiB. */
  result: unknown;
  artifacts: ArtifactRef[];
  connector: string;
  pool: string;
  worker: string;
  service_job_id?: string;
  /** Attempts it took, those lost with their worker included. */
  attempts: number;
  /** When the last attempt began, epoch milliseconds of the worker's clock. */
  started_at: number;
  /** Run time of the last attempt. Milliseconds. */
  processing_time_ms: number;
}
