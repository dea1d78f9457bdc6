import { BaseConnector } from '../base/base-connector.ts';
import { Renewed } from '../base/renewed.ts';
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
import { createHttpClient, type HttpClient } from '../http/http-client.ts';
import { cancelOrTell } from './cancel-prompt.ts';
import { ComfyClient } from './comfy-client.ts';
import { asRecord, textOf } from './documents.ts';
import { findPrompt } from './find-prompt.ts';
import { comfyLogFields } from './log-fields.ts';
import type { CustomNode, CustomNodeResult } from './nodes/custom-node.ts';
import { installCustomNodes, type InstallOptions } from './nodes/install-nodes.ts';
import { installCustomNodesRemotely } from './nodes/install-remotely.ts';
import { statusOfPrompt } from './prompt-status.ts';
import { runJob } from './run-job.ts';
import { knowledgeOf, type ServerKnowledge } from './server-knowledge.ts';
import { COMFYUI_ENV, configFromEnv, readSettings } from './settings.ts';
import { DeadWorkerError } from './watch-prompt.ts';

/** What belongs to one server address; made anew when the settings change. */
interface Server extends ServerKnowledge {
  http: HttpClient;
}

/** What all ComfyUI connectors share; the classes differ in how they reach the server and what they watch. */
export abstract class BaseComfyUIConnector extends BaseConnector {
  service_type = 'comfyui' as const;
  version = '1.0.0';
  readonly #servers = new Renewed(
    () => this.#connect(),
    ({ client }) => client.close(),
  );
  readonly #submissions = new Map<string, Promise<unknown>>();
  #vramMb: number | undefined;
  /** The server answered while its worker thread was dead; believed until the queue has moved. */
  #deadQueue: string | undefined;

  /** @throws ConnectorError `validation` naming each `COMFYUI_*` variable whose value is no good */
  constructor(connectorId: string, config: Partial<ConnectorConfig>) {
    super(connectorId, { service_type: 'comfyui', ...configFromEnv(process.env), ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return { ...COMFYUI_ENV };
  }

  /** Whether progress comes over the socket; queue and history are watched in any case. */
  protected abstract readonly usesSocket: boolean;
  /** Where the server is when nothing says so. */
  protected abstract readonly defaultHost: string | undefined;

  protected get server(): Server {
    return this.#servers.current;
  }

  /** @throws ConnectorError `validation` for bad settings, `service_unavailable` when the server cannot be reached */
  protected async initializeService(): Promise<void> {
    await this.server.client.systemStats();
  }

  protected async cleanupService(): Promise<void> {
    await this.#servers.close();
  }

  /** @throws ConnectorError `validation` for bad settings; the former ones stay in force then */
  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    readSettings({ ...this.config, ...config }, this.defaultHost, process.env);
    await super.updateConfiguration(config);
  }

  protected override async configurationUpdated(): Promise<void> {
    this.#servers.renew();
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    return comfyLogFields(facts, this.#vramMb);
  }

  override async checkHealth(): Promise<boolean> {
    const device = asRecord(((await this.server.client.systemStats())['devices'] as unknown[] | undefined)?.[0]);
    const used = Number(device['vram_total']) - Number(device['vram_free']);
    this.#vramMb = Number.isFinite(used) ? Math.round(used / 2 ** 20) : undefined;
    return !(await this.#isDead());
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { client, settings, models, catalog, templates } = this.server;
    const [stats, queue, dead, known, names] = await Promise.all([
      client.systemStats(),
      client.queue(),
      this.#isDead(),
      // A proxy may keep the route to itself.
      models.all().catch(() => []),
      templates.names().catch(() => []),
    ]);
    const system = asRecord(stats['system']);
    const device = asRecord((stats['devices'] as unknown[] | undefined)?.[0]);
    const total = Number(device['vram_total'] ?? 0);
    return {
      service_name: 'ComfyUI',
      service_version: textOf(system['comfyui_version']) ?? 'unknown',
      base_url: settings.base_url,
      status: dead ? 'error' : queue.running.length > 0 ? 'busy' : 'online',
      capabilities: {
        supported_models: known,
        features: ['progress', 'reattach', 'cancel', 'templates', ...(this.usesSocket ? ['previews'] : [])],
        concurrent_jobs: this.config.max_concurrent_jobs,
      },
      resource_usage: { gpu_memory_mb: Math.round((total - Number(device['vram_free'] ?? 0)) / 2 ** 20) },
      queue_info: { pending_jobs: queue.pending.length, active_jobs: queue.running.length },
      details: { node_definitions_held: catalog.size, templates: names.length },
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

  override getAvailableModels(): Promise<string[]> {
    return this.server.models.all();
  }

  /** Names of the graphs that jobs can ask for with `template`. */
  listTemplates(): Promise<string[]> {
    return this.server.templates.names();
  }

  /** Unloads models and drops the node cache, after the prompt that runs now. */
  async freeMemory(what = { unload_models: true, free_memory: true }): Promise<void> {
    await this.server.client.free(what);
  }

  /** Forgets node definitions and model lists, for when something has been installed. */
  refreshCatalog(): void {
    this.server.catalog.clear();
    this.server.models.clear();
  }

  /**
   * Installs custom nodes: into the folder of ComfyUI where `COMFYUI_DIR` names it, else through ComfyUI-Manager on the
   * server. ComfyUI loads them when it starts the next time.
   * @returns one result per node, in the order of the list; a node that fails does not stop the others
   * @throws ConnectorError `missing_node` without folder and without manager; see `installCustomNodes`
   */
  async installCustomNodes(
    list: readonly (string | CustomNode)[],
    options: InstallOptions = {},
  ): Promise<CustomNodeResult[]> {
    const { settings, http } = this.server;
    const { dir, python } = settings;
    const wanted = { logger: this.logger, ...options };
    const results = dir
      ? await installCustomNodes(dir, list, { python, ...wanted })
      : await installCustomNodesRemotely(http, list, wanted);
    this.refreshCatalog();
    return results;
  }

  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return statusOfPrompt(serviceJobId, await findPrompt(this.server.client, serviceJobId));
  }

  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    if (serviceJobId === undefined) return;
    const { client, settings } = this.server;
    const withinMs = settings.cancel_seconds * 1_000;
    const submission = this.#submissions.get(jobId);
    await cancelOrTell(client, serviceJobId, { withinMs, submission, logger: this.logger, jobId });
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'comfyui needs a job context to read and write files');
    const { client, settings, catalog, templates } = this.server;
    if (await this.#isDead()) {
      throw new ConnectorError('service_unavailable', "ComfyUI's worker thread is dead; restart ComfyUI", {
        retry_after_ms: 10_000,
      });
    }
    try {
      const result = await runJob(jobData, progressCallback, context, {
        client,
        settings,
        catalog,
        templates,
        socketHeaders: this.usesSocket ? authHeaders(settings) : undefined,
        track: (promptId) => this.trackServiceJob(jobData.id, promptId, instanceName(settings.base_url)),
        submitting: (submission) => {
          // Goes on behind the back of a job that is cancelled meanwhile.
          submission.catch(() => {});
          this.#submissions.set(jobData.id, submission);
        },
      });
      result.service_info = { ...result.service_info, connector_id: this.connector_id };
      return result;
    } catch (error) {
      if (error instanceof DeadWorkerError) this.#deadQueue = await this.#queueSignature();
      throw error;
    } finally {
      this.#submissions.delete(jobData.id);
    }
  }

  #connect(): Server {
    const settings = readSettings(this.config, this.defaultHost, process.env);
    const http = createHttpClient({
      base_url: settings.base_url,
      headers: authHeaders(settings),
      timeout_ms: settings.timeout_seconds * 1_000,
      secrets: [settings.password, settings.api_key, settings.org_api_key].filter(Boolean),
    });
    return { ...knowledgeOf(new ComfyClient(http), settings), http };
  }

  /** Costs nothing unless a job has found the worker thread dead. */
  async #isDead(): Promise<boolean> {
    if (this.#deadQueue === undefined) return false;
    if ((await this.#queueSignature()) !== this.#deadQueue) this.#deadQueue = undefined;
    return this.#deadQueue !== undefined;
  }

  /** What runs, and whether anything waits: the same as long as a dead thread is not replaced. */
  async #queueSignature(): Promise<string | undefined> {
    try {
      const { running, pending } = await this.server.client.queue();
      return pending.length + running.length === 0 ? undefined : running.map((item) => item[1]).join(' ');
    } catch {
      return undefined;
    }
  }
}
