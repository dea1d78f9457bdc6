import { isErrorCode } from '../../../contract/errors.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import { jobLogger } from '../../../platform/logging/job-logger.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback, ProgressUpdate } from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import type { JobLogFacts } from '../../contract/job-log.ts';
import type { LogFields } from '../../contract/log-fields.ts';
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
  /** The backend's id for the job, once it is tracked. */
  serviceJobId: () => string | undefined;
  /** The connector's normalized fields. */
  fieldsOf: (facts: JobLogFacts) => LogFields;
}

/** The records that every job leaves in the log, whatever the connector. */
export class JobRecords {
  readonly #logger: Logger;
  #records: ConnectorLogger | undefined;
  readonly #options: JobRecordsOptions;
  readonly #began = performance.now();
  #progress: ProgressUpdate | undefined;
  #told = { progress: 0, at: performance.now() };

  constructor(options: JobRecordsOptions) {
    const { job, context, logger } = options;
    this.#options = options;
    this.#logger = context?.logger ?? jobLogger(logger, {}, job.payload);
  }

  /** Made when the first record is written: at a high log level a job that goes well writes none. */
  get #log(): ConnectorLogger {
    const { connectorId, serviceType, job } = this.#options;
    this.#records ??= new ConnectorLogger({ connectorId, serviceType, logger: this.#logger }).withJobContext(job.id);
    return this.#records;
  }

  received(): void {
    if (!this.#tells()) return;
    this.#log.jobReceived({ ...this.#fields('job_received'), inputSize: sizeOf(this.#options.job.payload) });
  }

  started(): void {
    if (!this.#tells()) return;
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
    const failed = result.status === 'failed';
    if (!failed && !this.#tells()) return;
    const duration = this.#duration();
    const fields = this.#fields('job_completed', { result, durationMs: duration });
    if (failed) this.#log.jobFailed({ ...fields, error: result.error ?? 'the connector reports a failure', duration });
    else this.#log.jobCompleted({ ...fields, duration, artifacts: result.artifacts?.length ?? 0 });
  }

  /** @param signal of the attempt: an end that it has brought about is no failure */
  ended(error: unknown, signal: AbortSignal): void {
    const duration = this.#duration();
    const reason = signal.aborted ? interruptionOf(signal) : undefined;
    if (reason) {
      const fields = this.#fields('job_interrupted', { durationMs: duration });
      return this.#log.jobInterrupted({ ...fields, reason, duration });
    }
    const code = codeOf(signal.aborted ? signal.reason : error);
    this.#log.jobFailed({ ...this.#fields('job_failed', { error, durationMs: duration }), error, code, duration });
  }

  #take(update: ProgressUpdate): void {
    this.#progress = update;
    const now = performance.now();
    if (update.progress < this.#told.progress + POINTS || now < this.#told.at + MIN_GAP) return;
    if (!this.#tells()) return;
    this.#told = { progress: update.progress, at: now };
    this.#log.jobProgress({
      ...this.#fields('job_progress'),
      progress: update.progress,
      step: update.current_step,
      totalSteps: update.total_steps,
      detail: update.message?.slice(0, 200),
    });
  }

  /** Whether anybody hears of jobs that go well. */
  #tells(): boolean {
    return this.#logger.isLevelEnabled('info');
  }

  #fields(event: JobLogFacts['event'], more: Partial<JobLogFacts> = {}): LogFields {
    const { job, fieldsOf } = this.#options;
    const serviceJobId = this.#options.serviceJobId();
    try {
      return { ...fieldsOf({ event, job, progress: this.#progress, serviceJobId, ...more }), serviceJobId };
    } catch (error) {
      // A record with fewer fields is better than a job that fails for its log.
      this.#log.debug({ err: error }, 'the connector could not name its log fields');
      return { serviceJobId };
    }
  }

  #duration(): number {
    return Math.round(performance.now() - this.#began);
  }
}

/** undefined: what ended the attempt counts as its failure, such as its run time-out. */
function interruptionOf(signal: AbortSignal): 'cancelled' | 'handed_over' | undefined {
  if (goesOnElsewhere(signal)) return 'handed_over';
  const reason: unknown = signal.reason;
  const cancelled =
    reason instanceof ConnectorError ? reason.code === 'cancelled' : nameOf(reason) === 'CancelledFailure';
  return cancelled ? 'cancelled' : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (nameOf(error) === 'RunTimeoutError') return 'timeout';
  const { code } = (error ?? {}) as { code?: unknown };
  return isErrorCode(code) ? code : undefined;
}

function nameOf(error: unknown): unknown {
  return (error as Partial<Error> | undefined)?.name;
}

function sizeOf(payload: unknown): number {
  return Buffer.byteLength(JSON.stringify(payload) ?? '');
}
