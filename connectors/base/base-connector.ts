import type { Logger } from '../../platform/logging/logger.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  ConnectorInterface,
  ConnectorStatus,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
  ServiceJobStatus,
} from '../contract/connector.ts';
import type { ConnectorHealth, HealthSource } from '../contract/connector-health.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { goesOnElsewhere } from '../contract/stop-cause.ts';
import { HealthMonitor, type HealthFault } from './health-monitor.ts';
import { HealthRecord } from './health-record.ts';
import { JobRecords } from './logging/job-records.ts';
import { connectorLogger } from './process-logger.ts';
import { contextWith, settlesWithin, untilAborted, type RunningJob } from './running-jobs.ts';

const DEFAULT_HEALTH_INTERVAL_SECONDS = 30;
const DEFAULT_HEALTH_FAILURES = 3;
/** How long `cleanup()` waits for jobs it has told to stop. Milliseconds. */
const CLEANUP_WAIT = 5_000;

/**
 * What every connector is built on: life cycle, the seven states, health checks on a schedule, cancellation, and the
 * tracking of service jobs. A connector supplies the five abstract methods; the rest has defaults.
 *
 * Settings in `config` that are read here: `health_check_interval_seconds` (30; 0 switches the schedule off),
 * `health_check_timeout_seconds` (10) and `health_check_failures`, the number in a row that count as down (3).
 */
export abstract class BaseConnector implements ConnectorInterface, HealthSource {
  abstract service_type: string;
  abstract version: string;
  readonly connector_id: string;
  protected config: ConnectorConfig;
  protected readonly logger: Logger;
  readonly #jobs = new Map<string, RunningJob>();
  readonly #healthChecks: (() => Promise<void>)[] = [];
  #phase: 'starting' | 'connecting' | 'ready' | 'offline' = 'starting';
  #fault: HealthFault | undefined;
  #starting: Promise<void> | undefined;
  #health: HealthMonitor | undefined;
  readonly #healthRecord = new HealthRecord();
  #reported: ConnectorStatus = 'starting';

  /** @param config may come later, by `updateConfiguration` */
  constructor(connectorId: string, config: Partial<ConnectorConfig> = {}) {
    this.connector_id = connectorId;
    this.config = { service_type: '', ...config };
    const service = config.service_type === undefined ? {} : { service_type: config.service_type };
    this.logger = connectorLogger().child({ connector_id: connectorId, ...service });
  }

  /** Variables the connector reads, each with a template such as `${X:-default}`. */
  static getRequiredEnvVars(): Record<string, string> {
    return {};
  }

  /** Prepares the service: credentials, a first contact. Throws when jobs cannot be taken. */
  protected abstract initializeService(): Promise<void>;
  protected abstract cleanupService(): Promise<void>;
  /**
   * Does one job. With the third parameter the connector gets the signal, checkpoints, inputs and outputs; without it,
   * the job is given up on cancel and the next progress report throws.
   */
  protected abstract processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult>;
  abstract getServiceInfo(): Promise<ServiceInfo>;
  abstract getHealthCheckCapabilities(): HealthCheckCapabilities;
  /** Stops the backend's work on a cancelled job. Not called when the job goes on in another attempt. */
  protected cancelJobImpl?(jobId: string, serviceJobId: string | undefined): Promise<void>;
  /**
   * Values of the service's normalized log fields, for the records that every job leaves (docs/logging.md). Called for each
   * record; what the service's field set does not have is left out. Never put a payload in.
   */
  protected logFields(_facts: JobLogFacts): LogFields {
    return {};
  }
  /** Called after `updateConfiguration`, with the former settings. */
  protected configurationUpdated?(previous: ConnectorConfig): Promise<void>;

  /** Does nothing when ready or under way; after a failure it tries again. @throws what `initializeService` throws */
  initialize(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /** Stops health checks and running jobs (those go on elsewhere), then lets go of the service. */
  async cleanup(): Promise<void> {
    if (this.#phase === 'offline') return;
    await this.#starting?.catch(() => {});
    this.#health?.stop();
    const leaving = new ConnectorError('service_unavailable', `${this.connector_id} is shutting down`);
    for (const job of this.#jobs.values()) job.stop.abort(leaving);
    const settled = Promise.all([...this.#jobs.values()].map((job) => job.settled));
    if (!(await settlesWithin(settled, CLEANUP_WAIT))) {
      this.logger.warn({ jobs: [...this.#jobs.keys()] }, 'jobs do not stop; leaving without them');
    }
    try {
      await this.cleanupService();
    } finally {
      this.#starting = undefined;
      this.#fault = undefined;
      this.#enter('offline');
    }
  }

  getStatus(): ConnectorStatus {
    if (this.#phase === 'offline' || this.#phase === 'connecting') return this.#phase;
    if (this.#jobs.size > 0) return 'active';
    if (this.#fault) return this.#fault;
    return this.#phase === 'ready' ? 'idle' : 'starting';
  }

  /** Whether the service can take jobs; by default, whether `getServiceInfo` says so. */
  async checkHealth(): Promise<boolean> {
    const { status } = await this.getServiceInfo();
    return status === 'online' || status === 'busy';
  }

  /** Has a check of somebody else, such as a plugin, run with each scheduled one; it throws when something is wrong. */
  addHealthCheck(check: () => Promise<void>): void {
    this.#healthChecks.push(check);
  }

  /** What the last start or scheduled check found; asks nobody. */
  getHealthReport(): ConnectorHealth {
    return this.#healthRecord.getHealthReport();
  }

  onHealthChange(listener: () => void): () => void {
    return this.#healthRecord.onHealthChange(listener);
  }

  async getAvailableModels(): Promise<string[]> {
    return (await this.getServiceInfo()).capabilities.supported_models ?? [];
  }

  async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false };
  }

  async canProcessJob(_jobData: JobData): Promise<boolean> {
    return true;
  }

  async processJob(
    jobData: JobData,
    progressCallback: ProgressCallback = () => {},
    context?: JobContext,
  ): Promise<JobResult> {
    if (this.#jobs.has(jobData.id)) {
      throw new ConnectorError('conflict', `Job ${jobData.id} is already running in ${this.connector_id}`);
    }
    const started = performance.now();
    const stop = new AbortController();
    const signal = context ? AbortSignal.any([context.signal, stop.signal]) : stop.signal;
    const job: RunningJob = { stop, context, serviceJobId: context?.serviceJobId, settled: Promise.resolve() };
    const records = new JobRecords({
      connectorId: this.connector_id,
      serviceType: this.service_type,
      job: jobData,
      context,
      logger: connectorLogger(),
      serviceJobId: () => job.serviceJobId,
      fieldsOf: (facts) => this.logFields(facts),
    });
    records.received();
    const work = this.#run(job, jobData, progressCallback, signal, records);
    job.settled = work.catch(() => {});
    this.#jobs.set(jobData.id, job);
    this.#reportStatus();
    try {
      const result = await work;
      result.processing_time_ms ??= Math.round(performance.now() - started);
      result.service_info = { connector_id: this.connector_id, ...result.service_info };
      records.completed(result);
      return result;
    } catch (error) {
      records.ended(error, signal);
      throw error;
    } finally {
      this.#jobs.delete(jobData.id);
      this.#reportStatus();
    }
  }

  /** Resolves when the job has been told to stop and the backend knows; a job that is not running is no error. */
  async cancelJob(jobId: string): Promise<void> {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    job.stop.abort(new ConnectorError('cancelled', `Job ${jobId} was cancelled`));
    await this.cancelJobImpl?.(jobId, job.serviceJobId);
  }

  /** Takes effect at once, also on the health schedule; running jobs keep what they have read. */
  async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    const previous = this.config;
    this.config = { ...previous, ...config };
    if (this.#phase === 'ready') this.#startHealthChecks();
    await this.configurationUpdated?.(previous);
  }

  /** The settings in force, credentials included: hide those before showing it to anybody. */
  getConfiguration(): ConnectorConfig {
    return { ...this.config };
  }

  /**
   * Makes the backend's id for a job durable, so that the next attempt re-attaches instead of submitting again. Await it
   * before waiting for the backend.
   */
  protected async trackServiceJob(jobId: string, serviceJobId: string, instance?: string): Promise<void> {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    job.serviceJobId = serviceJobId;
    await job.context?.trackServiceJob(serviceJobId, instance);
  }

  async #start(): Promise<void> {
    this.#enter('connecting');
    const began = performance.now();
    const tookMs = () => Math.round(performance.now() - began);
    try {
      await this.initializeService();
    } catch (error) {
      const away =
        error instanceof ConnectorError && (error.code === 'service_unavailable' || error.code === 'timeout');
      this.#fault = away ? 'waiting_for_service' : 'error';
      this.#healthRecord.note({ state: 'unhealthy', reason: (error as Error).message, latencyMs: tookMs() });
      this.#enter('starting');
      throw error;
    }
    this.#fault = undefined;
    this.#healthRecord.note({ state: 'healthy', latencyMs: tookMs() });
    this.#enter('ready');
    this.#startHealthChecks();
  }

  async #run(
    job: RunningJob,
    jobData: JobData,
    progressCallback: ProgressCallback,
    signal: AbortSignal,
    records: JobRecords,
  ): Promise<JobResult> {
    await this.initialize();
    signal.throwIfAborted();
    records.started();
    const report = records.listening(progressCallback);
    const cancelled = this.#cancelBackendOnAbort(job, jobData.id, signal);
    try {
      if (job.context && this.processJobImpl.length >= 3) {
        const context = contextWith(job.context, signal, (serviceJobId) => {
          job.serviceJobId = serviceJobId;
        });
        return await this.processJobImpl(jobData, report, context);
      }
      const reportUntilAborted: ProgressCallback = (update) => {
        signal.throwIfAborted();
        return report(update);
      };
      return await untilAborted(this.processJobImpl(jobData, reportUntilAborted), signal);
    } finally {
      await cancelled();
    }
  }

  /** @returns to be awaited at the end: resolves when the backend has been told, if it had to be */
  #cancelBackendOnAbort(job: RunningJob, jobId: string, signal: AbortSignal): () => Promise<void> {
    let telling: Promise<void> = Promise.resolve();
    const onAbort = () => {
      // cancelJob() tells the backend itself.
      if (job.stop.signal.aborted || goesOnElsewhere(signal)) return;
      telling = (async () => this.cancelJobImpl?.(jobId, job.serviceJobId))().catch((error: unknown) =>
        this.logger.warn({ err: error, job_id: jobId }, 'the backend could not be told to cancel'),
      );
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return async () => {
      signal.removeEventListener('abort', onAbort);
      await telling;
    };
  }

  #startHealthChecks(): void {
    this.#health?.stop();
    this.#health = undefined;
    const seconds = this.config.health_check_interval_seconds ?? DEFAULT_HEALTH_INTERVAL_SECONDS;
    if (!(seconds > 0)) return;
    const timeout = Number(this.config['health_check_timeout_seconds'] ?? 10);
    this.#health = new HealthMonitor({
      check: async () => {
        const healthy = await this.checkHealth();
        for (const check of healthy ? this.#healthChecks : []) await check();
        return healthy;
      },
      intervalMs: seconds * 1_000,
      timeoutMs: timeout * 1_000,
      failureThreshold: Number(this.config['health_check_failures'] ?? DEFAULT_HEALTH_FAILURES),
      onDown: (fault, cause) => {
        this.#fault = fault;
        this.logger.warn({ err: cause, fault }, 'the service is not healthy');
        this.#reportStatus();
      },
      onUp: () => {
        this.#fault = undefined;
        this.#reportStatus();
      },
      onCheck: (outcome) => this.#healthRecord.note(outcome),
    });
    this.#health.start();
  }

  #enter(phase: 'starting' | 'connecting' | 'ready' | 'offline'): void {
    this.#phase = phase;
    this.#reportStatus();
  }

  #reportStatus(): void {
    const status = this.getStatus();
    if (status === this.#reported) return;
    this.logger.debug({ from: this.#reported, to: status }, 'connector status');
    this.#reported = status;
  }
}
