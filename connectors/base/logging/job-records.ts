import type { Logger } from '../../../platform/logging/logger.ts';
import { jobLogger } from '../../../platform/logging/job-logger.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback, ProgressUpdate } from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import type { JobLogFacts, LogFields } from '../../contract/job-log.ts';
import { goesOnElsewhere } from '../../contract/stop-cause.ts';
import { ConnectorLogger } from './connector-logger.ts';

/** A record of progress when so many points have been made, ... */
const POINTS = 10;
/** ... but not sooner than this after the last one. Milliseconds. */
const MIN_GAP = 1_000;

export interface JobRecordsOptions {
  connectorId: string;
  serviceType: string;
  job: JobData;
  context: JobContext | undefined;
  /** Used where there is no context. */
  logger: Logger;
  /** The connector's normalized fields. */
  fieldsOf: (facts: JobLogFacts) => LogFields;
}

/** The records that every job leaves in the log, whatever the connector. */
export class JobRecords {
  readonly #log: ConnectorLogger;
  readonly #options: JobRecordsOptions;
  readonly #began = performance.now();
  #progress: ProgressUpdate | undefined;
  #told = { progress: 0, at: performance.now() };

  constructor(options: JobRecordsOptions) {
    const { connectorId, serviceType, job, context, logger } = options;
    this.#options = options;
    this.#log = new ConnectorLogger({
      connectorId,
      serviceType,
      logger: context?.logger ?? jobLogger(logger, {}, job.payload),
    }).withJobContext(job.id);
  }

  received(): void {
    this.#log.jobReceived({ ...this.#fields('job_received'), inputSize: sizeOf(this.#options.job.payload) });
  }

  started(): void {
    this.#log.jobStarted(this.#fields('job_started'));
  }

  /** The same callback, with a record now and then. */
  listening(report: ProgressCallback): ProgressCallback {
    return (update) => {
      this.#take(update);
      return report(update);
    };
  }

  completed(result: JobResult): void {
    const duration = this.#duration();
    const fields = this.#fields('job_completed', { result, durationMs: duration });
    const failed = result.status === 'failed';
    if (failed) this.#log.jobFailed({ ...fields, error: result.error ?? 'the connector reports a failure', duration });
    else this.#log.jobCompleted({ ...fields, duration, artifacts: result.artifacts?.length ?? 0 });
  }

  /** @param signal of the attempt: an end that it has brought about is no failure */
  ended(error: unknown, signal: AbortSignal): void {
    const duration = this.#duration();
    if (signal.aborted && (error === signal.reason || (error as Error | undefined)?.name === 'AbortError')) {
      const reason = goesOnElsewhere(signal) ? 'handed_over' : 'cancelled';
      return this.#log.jobInterrupted({ ...this.#fields('job_interrupted', { durationMs: duration }), reason, duration });
    }
    const code = error instanceof ConnectorError ? error.code : undefined;
    this.#log.jobFailed({ ...this.#fields('job_failed', { durationMs: duration }), error, code, duration });
  }

  #take(update: ProgressUpdate): void {
    this.#progress = update;
    const now = performance.now();
    if (update.progress < this.#told.progress + POINTS || now < this.#told.at + MIN_GAP) return;
    this.#told = { progress: update.progress, at: now };
    this.#log.jobProgress({
      ...this.#fields('job_progress'),
      progress: update.progress,
      step: update.current_step,
      totalSteps: update.total_steps,
      detail: update.message?.slice(0, 200),
    });
  }

  #fields(event: JobLogFacts['event'], more: Partial<JobLogFacts> = {}): LogFields {
    const { job, context, fieldsOf } = this.#options;
    try {
      return fieldsOf({ event, job, progress: this.#progress, serviceJobId: context?.serviceJobId, ...more });
    } catch (error) {
      // A record with fewer fields is better than a job that fails for its log.
      this.#log.debug({ err: error }, 'the connector could not name its log fields');
      return {};
    }
  }

  #duration(): number {
    return Math.round(performance.now() - this.#began);
  }
}

function sizeOf(payload: unknown): number {
  return Buffer.byteLength(JSON.stringify(payload) ?? '');
}
