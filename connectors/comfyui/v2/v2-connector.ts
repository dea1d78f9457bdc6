import { BaseConnector } from '../../base/base-connector.ts';
import { Renewed } from '../../base/renewed.ts';
import { authHeaders, instanceName } from '../../base/server-address.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
  ServiceJobStatus,
} from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import type { JobLogFacts } from '../../contract/job-log.ts';
import type { LogFields } from '../../contract/log-fields.ts';
import { pause } from '../../http/backoff.ts';
import { createHttpClient } from '../../http/http-client.ts';
import { comfyLogFields } from '../log-fields.ts';
import { COMFYUI_ENV, configFromEnv, readSettings, type ComfySettings } from '../settings.ts';
import { TemplateStore } from '../template-store.ts';
import { runV2Job } from './run-v2-job.ts';
import { V2Client } from './v2-client.ts';
import { hasEnded, type V2Job } from './v2-documents.ts';

interface Server {
  settings: ComfySettings;
  client: V2Client;
  templates: TemplateStore;
}

const FIRST_WAIT = 20;
const LONGEST_WAIT = 1_000;

/**
 * ComfyUI through Comfy API v2, the surface that its makers promise to keep: Comfy Cloud, serverless deployments, and
 * any ComfyUI behind comfy-api-proxy. Nodes, models and queue of the server are not to be seen through it.
 */
export class ComfyUIV2 extends BaseConnector {
  service_type = 'comfyui' as const;
  version = '1.0.0';
  readonly #servers = new Renewed(
    () => connect(readSettings(this.config, undefined, process.env)),
    ({ client }) => client.close(),
  );
  readonly #submissions = new Map<string, Promise<V2Job>>();

  constructor(connectorId: string, config: Partial<ConnectorConfig>) {
    super(connectorId, { service_type: 'comfyui', ...configFromEnv(process.env), ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return { ...COMFYUI_ENV };
  }

  /** @throws ConnectorError `validation` for bad settings, `authentication`, `service_unavailable` */
  protected async initializeService(): Promise<void> {
    await this.#servers.current.client.ping();
  }

  protected async cleanupService(): Promise<void> {
    await this.#servers.close();
  }

  /** @throws ConnectorError `validation` for bad settings; the former ones stay in force then */
  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    readSettings({ ...this.config, ...config }, undefined, process.env);
    await super.updateConfiguration(config);
  }

  protected override async configurationUpdated(): Promise<void> {
    this.#servers.renew();
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    return comfyLogFields(facts, undefined);
  }

  override async checkHealth(): Promise<boolean> {
    await this.#servers.current.client.ping();
    return true;
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { client, settings } = this.#servers.current;
    await client.ping();
    return {
      service_name: 'ComfyUI',
      service_version: 'Comfy API v2',
      base_url: settings.base_url,
      status: 'online',
      capabilities: {
        features: ['progress', 'previews', 'reattach', 'cancel', 'templates'],
        concurrent_jobs: this.config.max_concurrent_jobs,
      },
    };
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: true,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }

  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    const job = await this.#servers.current.client.job(serviceJobId);
    const status = job ? STATUS[job.status] : 'unknown';
    return {
      serviceJobId,
      status,
      canReconnect: status !== 'unknown',
      canCancel: status === 'pending' || status === 'running',
      progress: job?.progress && Math.round(job.progress.value * 100),
      errorMessage: job?.error?.message,
    };
  }

  /** Asks until it has taken: some servers answer that they do, and do not. */
  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    const { client, settings } = this.#servers.current;
    const submitted = await this.#submissions.get(jobId)?.catch(() => undefined);
    const id = submitted?.id ?? serviceJobId;
    if (id === undefined) return;
    const deadline = performance.now() + settings.cancel_seconds * 1_000;
    for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
      const job = await client.cancel(id);
      if (!job || hasEnded(job.status)) return;
      if (performance.now() + wait > deadline) break;
      await pause(wait, undefined);
    }
    this.logger.warn({ job_id: jobId, prompt_id: id }, 'the job does not let go; it ends with the node that runs');
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'comfyui needs a job context to read and write files');
    const { settings, client, templates } = this.#servers.current;
    try {
      const result = await runV2Job(jobData, progressCallback, context, {
        client,
        settings,
        templates,
        track: (id) => this.trackServiceJob(jobData.id, id, instanceName(settings.base_url)),
        submitting: (submission) => {
          // Goes on behind the back of a job that is cancelled meanwhile.
          submission.catch(() => {});
          this.#submissions.set(jobData.id, submission);
        },
      });
      result.service_info = { ...result.service_info, connector_id: this.connector_id };
      return result;
    } finally {
      this.#submissions.delete(jobData.id);
    }
  }
}

function connect(settings: ComfySettings): Server {
  const http = createHttpClient({
    base_url: settings.base_url,
    headers: authHeaders(settings),
    timeout_ms: settings.timeout_seconds * 1_000,
    secrets: [settings.password, settings.api_key, settings.org_api_key].filter(Boolean),
  });
  return { settings, client: new V2Client(http), templates: new TemplateStore(settings.template_dir) };
}

const STATUS: Readonly<Record<V2Job['status'], ServiceJobStatus['status']>> = {
  queued: 'pending',
  running: 'running',
  canceling: 'running',
  succeeded: 'completed',
  failed: 'failed',
  canceled: 'cancelled',
  expired: 'unknown',
};
