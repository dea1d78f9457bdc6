import { BaseConnector } from '../base/base-connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig, HealthCheckCapabilities, ServiceInfo, ServiceJobStatus } from '../contract/connector.ts';
import { cancelResponse } from './cancel-response.ts';
import { OpenAiApi } from './openai-api.ts';
import { environmentTemplates, readSettings, type OpenAiSettings } from './settings.ts';

const STATUSES: Readonly<Record<string, ServiceJobStatus['status']>> = {
  queued: 'pending',
  in_progress: 'running',
  completed: 'completed',
  incomplete: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

/**
 * What the connectors to OpenAI share: one server with its keys, limits, models and prices. The server is OpenAI or any
 * other that speaks its protocol.
 */
export abstract class OpenAIConnector extends BaseConnector {
  version = '1.0.0';
  /** For `getServiceInfo`. */
  protected abstract readonly features: readonly string[];
  #api: OpenAiApi | undefined;
  /** Of former settings; jobs under way still use them. */
  readonly #former: OpenAiApi[] = [];

  static override getRequiredEnvVars(): Record<string, string> {
    return environmentTemplates();
  }

  /**
   * @throws ConfigError for bad settings; ConnectorError `authentication` without a usable key, `service_unavailable`
   * when the server cannot be reached
   */
  protected async initializeService(): Promise<void> {
    const settings = this.#readSettings(this.config);
    const api = new OpenAiApi(settings);
    try {
      await firstContact(api);
    } catch (error) {
      await api.close();
      throw error;
    }
    this.config.health_check_interval_seconds = settings.health_check_interval_seconds;
    this.#api = api;
  }

  protected async cleanupService(): Promise<void> {
    const all = this.#api ? [this.#api, ...this.#former.splice(0)] : [];
    this.#api = undefined;
    await Promise.all(all.map((api) => api.close()));
  }

  /** @throws ConfigError for bad settings, and changes nothing then */
  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    const settings = this.#readSettings({ ...this.config, ...config });
    await super.updateConfiguration({
      ...config,
      health_check_interval_seconds: settings.health_check_interval_seconds,
    });
    if (!this.#api) return;
    this.#former.push(this.#api);
    this.#api = new OpenAiApi(settings);
  }

  /** A server that gives no list of models, but answers, is there. */
  override async checkHealth(): Promise<boolean> {
    await firstContact(this.api);
    return true;
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { settings, models } = this.api;
    const reachable = await firstContact(this.api).then(
      () => true,
      () => false,
    );
    const listed = (await models.names()) ?? [];
    const allowed = settings.models;
    return {
      service_name: settings.official ? 'OpenAI' : `OpenAI protocol at ${settings.host}`,
      service_version: this.version,
      base_url: settings.base_url,
      status: reachable ? 'online' : 'offline',
      capabilities: {
        supported_models: allowed.length > 0 ? listed.filter((name) => allowed.includes(name)) : listed,
        features: [...this.features],
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

  /** @param serviceJobId of a stored response */
  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    try {
      const { value } = await this.api.read((client) => client.responses.retrieve(serviceJobId));
      const background = value.background ?? false;
      const over = value.status !== 'queued' && value.status !== 'in_progress';
      return {
        serviceJobId,
        status: STATUSES[value.status ?? ''] ?? 'unknown',
        canReconnect: background || over,
        canCancel: background && !over,
        errorMessage: value.error?.message,
      };
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
      return { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false };
    }
  }

  protected override async cancelJobImpl(_jobId: string, serviceJobId: string | undefined): Promise<void> {
    if (serviceJobId) await cancelResponse(this.api, serviceJobId, undefined);
  }

  /** @throws ConnectorError `internal` before `initialize()` */
  protected get api(): OpenAiApi {
    if (!this.#api) throw new ConnectorError('internal', `${this.connector_id} is not initialized`);
    return this.#api;
  }

  /**
   * The model of a job: its own, or the operator's for jobs that name none.
   * @throws ConnectorError `validation`, `permission` or `missing_model`
   */
  protected async modelFor(
    wanted: string | undefined,
    setting: 'text_model' | 'vision_model' | 'image_model',
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const model = wanted ?? this.api.settings[setting];
    if (!model) {
      const hint = `name one, or set OPENAI_${setting.toUpperCase()} on the worker`;
      throw new ConnectorError('validation', `The job names no model; ${hint}`, {
        errors: [{ pointer: '/payload/model', detail: 'is missing', hint }],
      });
    }
    await this.api.checkModel(model, signal);
    return model;
  }

  #readSettings(config: Partial<ConnectorConfig>): OpenAiSettings {
    const settings = readSettings(config, process.env);
    if (settings.keys.length > 0 || !settings.official) return settings;
    throw new ConnectorError(
      'authentication',
      'OPENAI_API_KEY is not set; set it on the worker, or OPENAI_BASE_URL to a server that wants no key',
    );
  }
}

/** @throws ConnectorError when the server cannot be reached, or lets none of the keys in */
async function firstContact(api: OpenAiApi): Promise<void> {
  try {
    await api.models.refresh();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const decisive = ['authentication', 'service_unavailable', 'timeout', 'backend_error'].includes(error.code);
    if (decisive && error.retryable !== false) throw error;
    if (error.code === 'authentication') throw error;
  }
}
