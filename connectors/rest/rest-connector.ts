import { BaseConnector } from '../base/base-connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
} from '../contract/connector.ts';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { HttpError } from '../http/http-error.ts';
import { AnswerMapping, type JobAnswer } from './answer.ts';
import { jobScope, type JobScope } from './job-scope.ts';
import { loadServices, serviceFolder } from './load-services.ts';
import type { RestKind, ServiceOf } from './service.schema.ts';
import { ServiceRuntime } from './service-runtime.ts';

/** One job on its way. */
export interface RestJob {
  data: JobData;
  scope: JobScope;
  files: ReadonlyMap<string, InputFile>;
  signal: AbortSignal;
  context: JobContext | undefined;
  /** 0–100, with what is going on. */
  report(progress: number, message?: string): Promise<void>;
}

/** A service with all that is compiled from its file. */
export interface RestTarget<K extends RestKind> {
  runtime: ServiceRuntime<ServiceOf<K>>;
  answers: AnswerMapping;
}

/**
 * What the REST connectors share: the services of one kind from `<configuration folder>/rest/*.json`, or from
 * `config.folder`. A class serves all services of its kind; a job's `service` says which. `config.timeout` (milliseconds)
 * overrides the `limits.timeout` of all files.
 */
export abstract class RestConnector<K extends RestKind> extends BaseConnector {
  service_type = 'rest' as const;
  version = '1.0.0';
  protected abstract readonly kind: K;
  readonly #targets = new Map<string, RestTarget<K>>();
  readonly #problems = new Map<string, string>();

  constructor(connectorId: string, config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'rest', ...config });
  }

  /** Variables stand in the service files; the manifest of each service names those it cannot do without. */
  static override getRequiredEnvVars(): Record<string, string> {
    return {};
  }

  /** Does the work of one job; progress and result are reported by the caller. */
  protected abstract work(target: RestTarget<K>, job: RestJob): Promise<JobAnswer & { serviceJobId?: string }>;

  protected async initializeService(): Promise<void> {
    await this.#load();
  }

  protected async cleanupService(): Promise<void> {
    const runtimes = this.#forget();
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  }

  /** Reads the service files again; running jobs go on with what they have. */
  protected override async configurationUpdated(): Promise<void> {
    const runtimes = this.#forget();
    await this.#load();
    await Promise.all(runtimes.map((runtime) => runtime.retire()));
  }

  protected override logFields({ job, error, durationMs }: JobLogFacts): LogFields {
    const service = this.#targets.get(job.type)?.runtime.service;
    return {
      rest_service: service?.service ?? job.type,
      rest_kind: this.kind,
      method: service?.request.method,
      host: service && new URL(service.base_url).host,
      http_status: error instanceof HttpError ? error.status : undefined,
      response_time_ms: durationMs,
    };
  }

  override async checkHealth(): Promise<boolean> {
    // One service that is away must not make the others look it.
    const healthy = await Promise.all(this.#runtimes().map((runtime) => runtime.healthy()));
    return healthy.length === 0 || healthy.some(Boolean);
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const runtimes = this.#runtimes();
    return {
      service_name: `REST services (${this.kind})`,
      service_version: this.version,
      base_url: runtimes.length === 1 ? runtimes[0]?.service.base_url : undefined,
      status: (await this.checkHealth()) ? 'online' : 'offline',
      capabilities: { features: [...this.#targets.keys()] },
    };
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    const tracked = this.kind === 'async';
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: tracked,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    const target = this.target(jobData.type);
    const signal = context?.signal ?? new AbortController().signal;
    const leave = target.runtime.enter();
    let release = () => {};
    try {
      release = await target.runtime.slots.take(signal);
      const { scope, files } = await jobScope(target.runtime.service, jobData, context);
      const report: RestJob['report'] = async (progress, message) =>
        progressCallback({ job_id: jobData.id, progress, message });
      await report(0);
      const { serviceJobId, ...answer } = await this.work(target, {
        data: jobData,
        scope,
        files,
        signal,
        context,
        report,
      });
      signal.throwIfAborted();
      await report(100);
      return {
        job_id: jobData.id,
        status: 'completed',
        ...answer,
        service_info: { connector_id: this.connector_id, service_job_id: serviceJobId },
      };
    } finally {
      release();
      leave();
    }
  }

  /** @throws ConnectorError naming why this worker cannot do jobs of that service */
  protected target(service: string): RestTarget<K> {
    const target = this.#targets.get(service);
    if (target) return target;
    const problem = this.#problems.get(service);
    const known = [...this.#targets.keys()].join(', ') || 'none';
    throw new ConnectorError(
      'internal',
      problem
        ? `The service "${service}" cannot be used on this worker: ${problem}`
        : `This worker knows no REST service "${service}" of the kind ${this.kind}; it knows: ${known}. Other names for a service stand under "aliases" in its file`,
      { retryable: false },
    );
  }

  /** All services that can be used, by name. */
  protected targets(): ReadonlyMap<string, RestTarget<K>> {
    return this.#targets;
  }

  #runtimes(): ServiceRuntime<ServiceOf<K>>[] {
    return [...new Set([...this.#targets.values()].map(({ runtime }) => runtime))];
  }

  async #load(): Promise<void> {
    const folder = String(this.config['folder'] ?? serviceFolder(process.env));
    const made = new Map<string, RestTarget<K>>();
    for (const { name, file, service, problem } of await loadServices(folder, process.env)) {
      if (service && service.kind !== this.kind) continue;
      try {
        if (!service) throw new Error(problem);
        const target = made.get(file) ?? this.#make(service as ServiceOf<K>);
        made.set(file, target);
        this.#targets.set(name, target);
      } catch (error) {
        const { message } = error as Error;
        this.logger.warn({ rest_service: name, file }, `REST service left out: ${message}`);
        this.#problems.set(name, message);
      }
    }
  }

  #make(described: ServiceOf<K>): RestTarget<K> {
    const timeout = this.config.timeout ?? described.limits.timeout;
    const service = { ...described, limits: { ...described.limits, timeout } };
    const runtime = new ServiceRuntime<ServiceOf<K>>(service, this.logger);
    const target = { runtime, answers: new AnswerMapping(runtime) };
    this.compile?.(target);
    return target;
  }

  /** Compiles what the kind has beside request and response. */
  protected compile?(target: RestTarget<K>): void;

  #forget(): ServiceRuntime<ServiceOf<K>>[] {
    const runtimes = this.#runtimes();
    this.#targets.clear();
    this.#problems.clear();
    return runtimes;
  }
}
