import type { ArtifactRef } from './artifact.ts';
import type { JobError } from './errors.ts';

export const JOB_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'timed_out'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

const TERMINAL_STATUSES = ['completed', 'failed', 'cancelled', 'timed_out'] as const satisfies JobStatus[];

export function isTerminal(status: JobStatus): boolean {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

/** Why a job waits, derived at read time. */
export const STATUS_REASONS = [
  'starting',
  'no_worker',
  'no_orchestrator',
  'concurrency_limit',
  'backend_unavailable',
  'retry_backoff',
  'rate_limited',
  'cancel_requested',
  'unmatched_requirements',
  'model_affinity',
  'awaiting_approval',
  'held',
  'paused',
] as const;
export type StatusReason = (typeof STATUS_REASONS)[number];

/** Progress as clients see it. */
export interface ProgressView {
  seq: number;
  percent: number;
  message?: string;
  step?: string;
  step_index?: number;
  total_steps?: number;
  eta_ms?: number;
  updated_at: string;
}

/** A row of `GET /api/jobs`: only what the visibility store and one look at the live state give. */
export interface JobSummary {
  id: string;
  status: JobStatus;
  status_reason?: StatusReason;
  /** The reason in words, with the way out. */
  status_message?: string;
  service: string;
  pool: string;
  priority: number;
  tags: string[];
  created_at: string;
  ended_at?: string;
  progress?: ProgressView;
  error_code?: string;
}

/** `GET /api/jobs/{id}`, the snapshot event and the terminal event. */
export interface JobView extends JobSummary {
  payload: unknown;
  requirements: Record<string, unknown>;
  metadata: Record<string, string | number | boolean>;
  started_at?: string;
  deadline?: string;
  /** Present attempt, 1-based; 0 before the first start. */
  attempt: number;
  max_attempts: number;
  task_queue?: string;
  worker?: string;
  instance?: string;
  service_job_id?: string;
  retry_of?: string;
  /** The last failure of an attempt while the job is still going, or the final one. */
  error?: JobError;
  result?: unknown;
  artifacts: ArtifactRef[];
  /** Where to look at the workflow in the Temporal Web UI, when its address is known. */
  temporal: { workflow_id: string; run_id: string; url?: string };
  links: Record<'self' | 'events' | 'cancel' | 'artifacts', string>;
}
