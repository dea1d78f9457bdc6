import type { JobError } from '../../contract/errors.ts';
import type { ProgressDocument } from '../../contract/progress.ts';

export type WorkflowStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed_out';

/** What one look at a workflow's mutable state tells of a job. */
export interface LiveJob {
  jobId: string;
  workflowId: string;
  runId: string;
  workflow: WorkflowStatus;
  /** Epoch milliseconds. */
  createdAt: number;
  closedAt?: number;
  historyLength: number;
  cancelRequested: boolean;
  attributes: JobAttributes;
  /** Hash of the request body, when it came with an Idempotency-Key. */
  requestHash?: string;
  retryOf?: string;
  /** The `processJob` under way; absent before the first one, between two, and after the last. */
  activity?: LiveActivity;
}

/** Search attributes. Those of a job started with the `temporal` CLI come a moment after its start. */
export interface JobAttributes {
  service?: string;
  pool?: string;
  tags: string[];
  priority?: number;
  /** Code, `timed_out:` before it when the job ended as timed_out. */
  error?: string;
}

export interface LiveActivity {
  /** Temporal's activity id as a number: rises with each `processJob` of a job. */
  number: number;
  activityId: string;
  state: 'scheduled' | 'started' | 'cancel_requested' | 'paused';
  attempt: number;
  taskQueue: string;
  priority?: number;
  /** Epoch milliseconds, of the present attempt. */
  scheduledAt?: number;
  startedAt?: number;
  /** Set while the attempt waits for its back-off to end. Epoch milliseconds. */
  nextAttemptAt?: number;
  /** When the attempt before this one ended. */
  lastEndedAt?: number;
  /** From the first scheduling on; milliseconds. */
  scheduleToCloseMs?: number;
  worker?: string;
  progress?: ProgressDocument;
  /** Of the attempt before this one. */
  lastError?: JobError;
}
