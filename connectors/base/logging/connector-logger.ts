import type { Logger } from '../../../platform/logging/logger.ts';
import type { LogFields, LogFieldSet } from '../../contract/log-fields.ts';
import { connectorLogger } from '../process-logger.ts';
import { fieldSetOf } from './field-sets.ts';
import { pickFields } from './pick-fields.ts';

export interface ConnectorLoggerOptions {
  /** Default: what the logger is bound to, else `MACHINE_ID`. */
  machineId?: string;
  /** Default: what the logger is bound to, else `WORKER_ID`. */
  workerId?: string;
  serviceType: string;
  connectorId: string;
  /** Default: the logger of the process. */
  logger?: Logger;
  /** Normalized fields of a service that Switchyard does not know. */
  fields?: LogFieldSet;
}

/** A record of a job's life. Besides these a record takes the normalized fields of its service. */
export interface JobRecord {
  /** Not needed after `withJobContext`. */
  jobId?: string;
  /** The backend's id for the job. */
  serviceJobId?: string;
  [field: string]: unknown;
}

export interface JobReceivedRecord extends JobRecord {
  /** Of the payload as JSON. Bytes. */
  inputSize?: number;
}

export interface JobProgressRecord extends JobRecord {
  /** 0–100. */
  progress: number;
  step?: string | number;
  totalSteps?: number;
  /** What is going on, in words of the connector. */
  detail?: string;
}

export interface JobCompletedRecord extends JobRecord {
  /** Milliseconds. */
  duration?: number;
  /** Number of files made. */
  artifacts?: number;
}

export interface JobFailedRecord extends JobRecord {
  error: unknown;
  /** From the one table of codes. */
  code?: string;
  /** Milliseconds. */
  duration?: number;
}

export interface JobInterruptedRecord extends JobRecord {
  /** `cancelled`: for good; `handed_over`: the job goes on in another attempt. */
  reason: 'cancelled' | 'handed_over';
  /** Milliseconds. */
  duration?: number;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * Structured records of a connector: who (machine, worker, connector, service), which job, what happened (`event`), and
 * the normalized fields of the service, flat in one JSON line. Fields that the service's set does not have are left out:
 * that is what keeps payloads out of the log.
 */
export class ConnectorLogger {
  readonly #logger: Logger;
  readonly #bound: Record<string, unknown>;
  readonly #options: ConnectorLoggerOptions;
  readonly #set: LogFieldSet | undefined;

  constructor(options: ConnectorLoggerOptions) {
    const parent = options.logger ?? connectorLogger();
    const bound = parent.bindings();
    const who = {
      machine_id: options.machineId ?? process.env['MACHINE_ID'],
      worker_id: options.workerId ?? process.env['WORKER_ID'],
      service_type: options.serviceType,
      connector_id: options.connectorId,
    };
    this.#options = options;
    this.#set = options.fields ?? fieldSetOf(options.serviceType);
    this.#logger = parent.child(unbound(who, bound));
    this.#bound = this.#logger.bindings();
  }

  /** The same for one job: records carry its id. */
  withJobContext(jobId: string, fields: LogFields = {}): ConnectorLogger {
    const bindings = { job_id: jobId, ...pickFields(fields, this.#set) };
    const logger = this.#logger.child(unbound(bindings, this.#bound));
    return new ConnectorLogger({ ...this.#options, logger });
  }

  jobReceived({ inputSize, ...fields }: JobReceivedRecord): void {
    this.#record('info', 'job received', { event: 'job_received', input_size: inputSize }, fields);
  }

  jobStarted({ ...fields }: JobRecord): void {
    this.#record('info', 'job started', { event: 'job_started' }, fields);
  }

  jobProgress({ progress, step, totalSteps, detail, ...fields }: JobProgressRecord): void {
    const own = { event: 'job_progress', progress, step, total_steps: totalSteps, detail };
    this.#record('info', 'job progress', own, fields);
  }

  jobCompleted({ duration, artifacts, ...fields }: JobCompletedRecord): void {
    const own = { event: 'job_completed', duration_ms: duration, artifacts };
    this.#record('info', 'job completed', own, fields);
  }

  jobFailed({ error, code, duration, ...fields }: JobFailedRecord): void {
    const err = error instanceof Error ? error : new Error(String(error));
    this.#record('warn', 'job failed', { event: 'job_failed', code, duration_ms: duration, err }, fields);
  }

  jobInterrupted({ reason, duration, ...fields }: JobInterruptedRecord): void {
    const own = { event: 'job_interrupted', reason, duration_ms: duration };
    this.#record(
      'info',
      reason === 'cancelled' ? 'job cancelled' : 'attempt interrupted, the job goes on',
      own,
      fields,
    );
  }

  /** As pino takes it: fields and a text, or a text alone. Nothing is filtered here but secrets. */
  debug(fields: object | string, message?: string): void {
    this.#say('debug', fields, message);
  }

  info(fields: object | string, message?: string): void {
    this.#say('info', fields, message);
  }

  warn(fields: object | string, message?: string): void {
    this.#say('warn', fields, message);
  }

  error(fields: object | string, message?: string): void {
    this.#say('error', fields, message);
  }

  #record(level: Level, message: string, own: Record<string, unknown>, given: JobRecord): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const { jobId, serviceJobId, ...fields } = given;
    const ids = { job_id: jobId, service_job_id: serviceJobId };
    this.#logger[level](unbound({ ...own, ...ids, ...pickFields(fields, this.#set) }, this.#bound), message);
  }

  #say(level: Level, fields: object | string, message: string | undefined): void {
    if (typeof fields === 'string') this.#logger[level](fields);
    else this.#logger[level](fields, message);
  }
}

/** What a line does not have yet: pino would write a key twice, and collectors differ in which one they take. */
function unbound(fields: Record<string, unknown>, bound: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([key, value]) => value !== undefined && !Object.hasOwn(bound, key)),
  );
}
