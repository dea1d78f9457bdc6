import { BaseConnector } from '../base/base-connector.ts';
import { expandEnv } from '../base/env-template.ts';
import { authHeaders, instanceName } from '../base/server-address.ts';
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
import { createHttpClient } from '../http/http-client.ts';
import { A1111Client } from './a1111-client.ts';
import { Catalog } from './catalog.ts';
import { checkpointTitle } from './check-job.ts';
import { asRecord, numberOf, textOf } from './documents.ts';
import { instanceSlot } from './instance-slot.ts';
import { a1111LogFields } from './log-fields.ts';
import { runJob } from './run-job.ts';
import { PicturesByHttp, PicturesOnDisk, type SavedPictures } from './saved-pictures.ts';
import { A1111_ENV, readSettings, settingName, type A1111Settings } from './settings.ts';
import { stopTask } from './stop-task.ts';
import type { Submission } from './submission.ts';
import { isTask, lookAt, runsNow, type TaskPlace } from './task-state.ts';

/** What belongs to one server address; made anew when the settings change. */
interface Server {
  settings: A1111Settings;
  client: A1111Client;
  catalog: Catalog;
  saved: SavedPictures | undefined;
}

const STATUSES: Record<TaskPlace, ServiceJobStatus['status']> = {
  queued: 'pending',
  active: 'running',
  finished: 'completed',
  unknown: 'unknown',
};

/** What all Automatic1111 connectors share; the classes differ in where the server is and what may be assumed of it. */
export abstract class BaseA1111Connector extends BaseConnector {
  service_type = 'a1111' as const;
  version = '1.0.0';
  #server: Server | undefined;
  /** Of former settings: jobs that run go on with them. */
  readonly #former: A1111Client[] = [];
  readonly #submissions = new Map<string, { submission: Submission; server: Server }>();

  /** @throws ConnectorError `validation` naming each `A1111_*` variable whose value is no good */
  constructor(connectorId: string, config: Partial<ConnectorConfig>) {
    const fromEnv = Object.entries(expandEnv(A1111_ENV, process.env)).map(([name, value]) => [
      settingName(name),
      value,
    ]);
    super(connectorId, { service_type: 'a1111', ...Object.fromEntries(fromEnv), ...config });
    const interval = this.config.health_check_interval_seconds;
    if (interval !== undefined) this.config.health_check_interval_seconds = Number(interval);
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return { ...A1111_ENV };
  }

  /** Where the web UI is when nothing says so. */
  protected abstract readonly defaultHost: string | undefined;
  /** @throws ConnectorError `validation` or `authentication` for settings that this kind of server cannot have */
  protected checkSettings?(settings: A1111Settings): void;

  protected get server(): Server {
    return (this.#server ??= this.#connect());
  }

  /** @throws ConnectorError for bad settings or credentials, `service_unavailable` when the server cannot be reached */
  protected async initializeService(): Promise<void> {
    await this.server.client.progress();
  }

  protected async cleanupService(): Promise<void> {
    const clients = [...this.#former.splice(0), ...(this.#server ? [this.#server.client] : [])];
    this.#server = undefined;
    await Promise.all(clients.map((client) => client.close()));
  }

  /** @throws ConnectorError `validation` for bad settings; the former ones stay in force then */
  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    this.#readSettings({ ...this.config, ...config });
    await super.updateConfiguration(config);
  }

  protected override async configurationUpdated(): Promise<void> {
    const next = this.#connect();
    if (this.#server) this.#former.push(this.#server.client);
    this.#server = next;
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    return a1111LogFields(facts);
  }

  /** Answered beside the work, so that a long job does not look like an illness. */
  override async checkHealth(): Promise<boolean> {
    await this.server.client.progress();
    return true;
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { client, settings, catalog, saved } = this.server;
    const [progress, options, pending, memory] = await Promise.all([
      client.progress(),
      client.options(),
      client.pending(),
      client.memory().catch(() => undefined),
      // Kept for a while; a server may keep the route to itself.
      catalog.get('checkpoints').catch(() => undefined),
    ]);
    const gpu = asRecord(asRecord(asRecord(memory)['cuda'])['system']);
    const loaded = textOf(options['sd_model_checkpoint']);
    const features = ['txt2img', 'img2img', 'extras', 'scripts', 'progress', 'previews', 'cancel'];
    return {
      service_name: 'Automatic1111',
      service_version: 'unknown',
      base_url: settings.base_url,
      status: progress.idle ? 'online' : 'busy',
      capabilities: {
        supported_models: catalog.known.length > 0 ? catalog.known : loaded ? [loaded] : [],
        loaded_models: loaded ? [loaded] : undefined,
        features: [...features, ...(saved ? ['reattach'] : [])],
        concurrent_jobs: 1,
      },
      resource_usage: { gpu_memory_mb: Math.round((numberOf(gpu['used']) ?? 0) / 2 ** 20) },
      queue_info: { pending_jobs: pending.length, active_jobs: progress.idle ? 0 : 1 },
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

  /** Titles of the checkpoints. */
  override async getAvailableModels(): Promise<string[]> {
    return ((await this.server.catalog.get('checkpoints')) ?? []).map(({ name }) => name);
  }

  async getAvailableSamplers(): Promise<string[]> {
    return ((await this.server.catalog.get('samplers')) ?? []).map(({ name }) => name);
  }

  async getAvailableUpscalers(): Promise<string[]> {
    return ((await this.server.catalog.get('upscalers')) ?? []).map(({ name }) => name);
  }

  /** Scripts and extensions, by what they work for. */
  async getAvailableScripts(): Promise<{ txt2img: string[]; img2img: string[] }> {
    return (await this.server.catalog.get('scripts')) ?? { txt2img: [], img2img: [] };
  }

  /** Makes the server look for new files, and forgets all lists. Waits for the work that runs. */
  async refreshModels(): Promise<void> {
    const { client, catalog } = this.server;
    await this.#alone(() => client.refreshCheckpoints());
    catalog.forget();
  }

  /**
   * Loads a checkpoint for all jobs that name none.
   * @throws ConnectorError `missing_model`
   */
  async loadModel(model: string): Promise<void> {
    const { client, catalog } = this.server;
    const title = await checkpointTitle(model, catalog);
    await this.#alone(() => client.setOptions({ sd_model_checkpoint: title }));
  }

  /** Frees the memory of the loaded checkpoint; the next job loads it again. */
  async freeMemory(): Promise<void> {
    const { client } = this.server;
    await this.#alone(() => client.unloadCheckpoint());
  }

  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    const about = (status: ServiceJobStatus['status']): ServiceJobStatus => ({
      serviceJobId,
      status,
      canReconnect: this.server.saved !== undefined && status !== 'unknown',
      canCancel: status === 'running' || status === 'pending',
    });
    if (!isTask(serviceJobId)) return about('unknown');
    const { client } = this.server;
    const { place } = await lookAt(client, serviceJobId);
    // One that failed goes on being called active.
    if (place === 'active' && !(await runsNow(client, serviceJobId))) return about('failed');
    return about(STATUSES[place]);
  }

  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    const running = this.#submissions.get(jobId);
    const { client, settings } = running?.server ?? this.server;
    if (serviceJobId === undefined || !isTask(serviceJobId)) {
      // Extras have no id: whose they are cannot be told, so they run out unheard.
      running?.submission.hangUp();
      return;
    }
    try {
      const withinMs = settings.cancel_seconds * 1_000;
      const gone = await stopTask(client, serviceJobId, { withinMs, request: running?.submission.answer });
      if (gone) return;
      this.logger.warn(
        { job_id: jobId, task_id: serviceJobId },
        'the task does not let go: it waits behind others, or is in one long step',
      );
    } finally {
      running?.submission.hangUp();
    }
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'a1111 needs a job context to read and write pictures');
    const { server } = this;
    const { client, settings, catalog, saved } = server;
    const result = await runJob(jobData, progressCallback, context, {
      client,
      settings,
      catalog,
      saved,
      slot: instanceSlot(settings.base_url),
      track: (taskId) => context.trackServiceJob(taskId, instanceName(settings.base_url)),
      submitted: (submission) => {
        this.#submissions.set(jobData.id, { submission, server });
        const over = () => {
          if (this.#submissions.get(jobData.id)?.submission === submission) this.#submissions.delete(jobData.id);
        };
        submission.answer.then(over, over);
      },
    });
    result.service_info = { ...result.service_info, connector_id: this.connector_id };
    return result;
  }

  /** Changes of options while pictures are made raise errors there (issue 7723). */
  async #alone(act: () => Promise<void>): Promise<void> {
    const release = await instanceSlot(this.server.settings.base_url).take();
    try {
      await act();
    } finally {
      release();
    }
  }

  #readSettings(config: ConnectorConfig): A1111Settings {
    const settings = readSettings(config, this.defaultHost);
    this.checkSettings?.(settings);
    return settings;
  }

  #connect(): Server {
    const settings = this.#readSettings(this.config);
    const client = new A1111Client(
      createHttpClient({
        base_url: settings.base_url,
        headers: authHeaders(settings),
        timeout_ms: settings.timeout_seconds * 1_000,
        max_response_bytes: Math.round(settings.max_response_mb * 1_048_576),
        secrets: [settings.password, settings.api_key].filter(Boolean),
      }),
    );
    const catalog = new Catalog(client, settings.catalog_seconds * 1_000);
    return { settings, client, catalog, saved: savedBy(settings, client) };
  }
}

function savedBy({ recover, dir }: A1111Settings, client: A1111Client): SavedPictures | undefined {
  if (recover === 'off') return undefined;
  if (dir) return new PicturesOnDisk(client, dir);
  return recover === 'files' ? new PicturesByHttp(client) : undefined;
}
