import type { RemoteJob } from '../base/hosted/remote-job.ts';
import type { ProgressCallback } from '../contract/connector.ts';
import type { RunDocument } from './documents.ts';
import { workersIn, type Endpoints } from './endpoints.ts';
import { readProgress } from './run-progress.ts';

/** Between two looks at why a job waits. Milliseconds. */
const LOOK = 15_000;

export interface ReportOptions {
  jobId: string;
  report: ProgressCallback;
  endpoint: string;
  endpoints: Endpoints;
  signal: AbortSignal;
}

/** Tells how a job is: why it waits, and what its handler says. */
export class RunReports {
  readonly #options: ReportOptions;
  #nextLook = 0;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** @param writing whether tokens tell of the progress */
  observe({ status, raw }: RemoteJob<RunDocument>, writing: boolean): void {
    const { jobId: job_id, report } = this.#options;
    if (status === 'pending') this.#waiting();
    if (status !== 'running' || writing) return;
    const said = readProgress(raw.output);
    void report({
      job_id,
      progress: said?.percent === undefined ? 2 : 2 + said.percent * 0.95,
      message: said?.message ?? 'running',
      current_step: said?.step,
      total_steps: said?.total,
    });
  }

  #waiting(): void {
    const { jobId: job_id, report, endpoints, endpoint, signal } = this.#options;
    const now = performance.now();
    if (this.#nextLook === 0) void report({ job_id, progress: 1, message: 'in the queue' });
    if (now < this.#nextLook) return;
    // Most jobs are not in the queue for long enough to ask why.
    const first = this.#nextLook === 0;
    this.#nextLook = now + LOOK;
    if (first) return;
    endpoints.health(endpoint, signal).then(
      (health) => void report({ job_id, progress: 1, message: workersIn(health) }),
      () => {},
    );
  }
}
