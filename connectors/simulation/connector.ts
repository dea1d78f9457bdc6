import type { ArtifactRef } from '../../contract/artifact.ts';
import { BaseConnector } from '../base/base-connector.ts';
import { configOf } from '../base/env-template.ts';
import { readPayload } from '../base/read-payload.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
  ServiceJobStatus,
} from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { chanceOf } from './chance.ts';
import { FakeService } from './fake-service.ts';
import { makeArtifact } from './make-artifact.ts';
import { fillMemory } from './memory.ts';
import { simulationPayload, type SimulationPayload } from './payload.schema.ts';
import { readSettings, SIMULATION_ENV, type SimulationSettings } from './settings.ts';
import { runServiceJob } from './service-job.ts';
import { runSteps, type Work } from './steps.ts';
import { waitUntil } from './wait.ts';

/** Pretends to work, with failures, outputs and bad manners to order: see `payload.schema.ts`. */
export class SimulationConnector extends BaseConnector {
  service_type = 'simulation' as const;
  version = '1.0.0';
  #settings: SimulationSettings;
  #active = 0;

  /** @throws ConnectorError `validation` naming each `SIMULATION_*` variable whose value is no good */
  constructor(connectorId = 'simulation', config: Partial<ConnectorConfig> = {}) {
    const fromEnv = configOf(SIMULATION_ENV, 'SIMULATION_', process.env);
    super(connectorId, { service_type: 'simulation', ...fromEnv, ...config });
    this.#settings = readSettings(this.config);
    this.config.health_check_interval_seconds = this.#settings.health_check_interval_seconds;
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return { ...SIMULATION_ENV };
  }

  protected async initializeService(): Promise<void> {
    await this.#service().open();
  }

  protected async cleanupService(): Promise<void> {}

  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    this.#settings = readSettings({ ...this.config, ...config });
    await super.updateConfiguration(config);
  }

  override async checkHealth(): Promise<boolean> {
    const { health_period: period, health_up: up } = this.#settings;
    // By the clock, so that all processes agree on when the service is up.
    return period === 0 || (Date.now() % period) / period < up;
  }

  protected override logFields({ job, event }: JobLogFacts): LogFields {
    const { duration, steps, failure_code } = job.payload as Partial<SimulationPayload>;
    return { planned_ms: duration, steps, failure_code: event === 'job_failed' ? failure_code : undefined };
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { max_concurrent: limit, models } = this.#settings;
    const healthy = await this.checkHealth();
    const busy = limit > 0 && this.#active >= limit;
    return {
      service_name: 'Simulation',
      service_version: this.version,
      status: healthy ? (busy ? 'busy' : 'online') : 'offline',
      capabilities: {
        supported_models: models,
        features: ['progress', 'reattach'],
        concurrent_jobs: limit || undefined,
      },
      queue_info: { pending_jobs: 0, active_jobs: this.#active },
    };
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: true,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: true,
    };
  }

  override queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return this.#service().status(serviceJobId);
  }

  protected override async cancelJobImpl(_jobId: string, serviceJobId: string | undefined): Promise<void> {
    if (serviceJobId) await this.#service().cancel(serviceJobId);
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    const payload = readPayload(simulationPayload, jobData.payload);
    if (!(await this.checkHealth())) throw new ConnectorError('service_unavailable', 'The simulated service is down');
    this.#occupy();
    let memory: { release(): void } | undefined;
    try {
      const work = this.#plan(payload, jobData.id, context);
      memory = await fillMemory(payload.memory_mb, work.signal);
      await waitUntil(performance.now() + this.#settings.latency, work.signal);
      const { result, serviceJobId } = await this.#work(work, progressCallback, context);
      const artifacts = await writeArtifacts(work, context);
      return {
        job_id: jobData.id,
        status: 'completed',
        result: payload.result === undefined ? result : payload.result,
        artifacts,
        service_info: { connector_id: this.connector_id, service_job_id: serviceJobId },
      };
    } finally {
      memory?.release();
      this.#active -= 1;
    }
  }

  async #work(work: Work, report: ProgressCallback, context: JobContext | undefined) {
    if (!work.payload.service_job) return { result: await runSteps(work, report, context), serviceJobId: undefined };
    const track = (id: string) => this.trackServiceJob(work.jobId, id, 'simulation');
    const result = await runServiceJob(work, this.#service(), context?.serviceJobId, track, report);
    return { result, serviceJobId: result.service_job_id };
  }

  #service(): FakeService {
    return new FakeService(this.#settings.state_dir);
  }

  #occupy(): void {
    const { max_concurrent: limit, busy_code, busy_retry_after } = this.#settings;
    if (limit > 0 && this.#active >= limit) {
      throw new ConnectorError(busy_code, `The simulated service is busy: it takes ${limit} jobs at once`, {
        retry_after_ms: busy_retry_after,
      });
    }
    this.#active += 1;
  }

  #plan(payload: SimulationPayload, jobId: string, context: JobContext | undefined): Work {
    const attempt = context?.attempt ?? 1;
    const chance = chanceOf(payload.seed, attempt);
    const spread = payload.spread ?? this.#settings.spread;
    const duration = (payload.duration ?? this.#settings.duration) * (1 + spread * (2 * chance() - 1));
    const unlucky = chance() < (payload.failure_rate ?? this.#settings.failure_rate);
    const fails = attempt <= payload.fail_attempts || unlucky;
    return {
      jobId,
      attempt,
      payload,
      chance,
      duration: Math.round(duration),
      failure: fails ? payload.failure_code : undefined,
      signal: payload.ignore_cancel ? undefined : context?.signal,
    };
  }
}

async function writeArtifacts(work: Work, context: JobContext | undefined): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  for (const wanted of context ? work.payload.artifacts : []) {
    const { content, ...facts } = await makeArtifact(wanted, work.chance);
    refs.push(await (context as JobContext).writeOutput(content, { name: wanted.name, ...facts }));
  }
  return refs;
}
