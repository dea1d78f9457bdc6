import type { JobData, JobResult, ProgressUpdate } from './connector.ts';

/** What the records of a job are made from: there is more from record to record. */
export interface JobLogFacts {
  event: 'job_received' | 'job_started' | 'job_progress' | 'job_completed' | 'job_failed' | 'job_interrupted';
  job: JobData;
  /** The newest report, once there is one. */
  progress?: ProgressUpdate;
  /** On `job_failed`. */
  error?: unknown;
  /** On `job_completed`. */
  result?: JobResult;
  /** The backend's id for the job, once it is tracked. */
  serviceJobId?: string;
  /** Since the attempt began, on the records of its end. Milliseconds. */
  durationMs?: number;
}
