import type { JobOutcome, JobTask } from '../contract/plan.ts';
import type { PlannedJob } from '../platform/routing/plan-job.ts';

/** What the orchestrator runs beside the workflows. Workflows import these types only. */
export interface OrchestratorActivities {
  /** Validates and routes a job that was started without our API. */
  planJob(document: unknown): Promise<PlannedJob>;
}

/** What a pool worker runs on each of its queues. */
export interface ConnectorActivities {
  processJob(task: JobTask): Promise<JobOutcome>;
}
