import { ConnectorError } from '../../contract/connector-error.ts';
import type { ConnectorConfig, HealthCheckCapabilities, ServiceInfo } from '../../contract/connector.ts';
import type { JobLogFacts } from '../../contract/job-log.ts';
import type { LogFields } from '../../contract/log-fields.ts';
import { BaseConnector } from '../base-connector.ts';
import type { HostedApi } from './hosted-api.ts';
import { hostedLogFields } from './log-fields.ts';
import type { HostedSettings } from './settings.ts';

/** What connectors to hosted models share: their life, their health, and which model a job gets. */
export abstract class HostedConnector<Client, S extends HostedSettings> extends BaseConnector {
  version = '1.0.0';
  /** For `getServiceInfo`. */
  protected abstract readonly features: readonly string[];
  /** What the service is called. */
  protected abstract nameOf(settings: S): string;
  /** @throws ConfigError for bad settings */
  protected abstract readSettings(config: Partial<ConnectorConfig>): S;
  protected abstract connect(settings: S): HostedApi<Client, S>;
  #api: HostedApi<Client, S> | undefined;
  /** Of former settings; jobs under way still use them. */
  readonly #former: HostedApi<Client, S>[] = [];

  /**
   * @throws ConfigError for bad settings; ConnectorError `authentication` without a usable key, `service_unavailable`
   * when the server cannot be reached
   */
  protected async initializeService(): Promise<void> {
    const settings = this.#settingsOf(this.config);
    const api = this.connect(settings);
    try {
      await api.greet();
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

  /** @throws ConfigError for bad settings, ConnectorError `authentication` without a key; changes nothing then */
  override async updateConfiguration(config: Partial<ConnectorConfig>): Promise<void> {
    const settings = this.#settingsOf({ ...this.config, ...config });
    await super.updateConfiguration({
      ...config,
      health_check_interval_seconds: settings.health_check_interval_seconds,
    });
    if (!this.#api) return;
    this.#former.push(this.#api);
    this.#api = this.connect(settings);
  }

  override async checkHealth(): Promise<boolean> {
    await this.api.greet();
    return true;
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const { settings, models } = this.api;
    const reachable = await this.api.greet().then(
      () => true,
      () => false,
    );
    const listed = (await models.names()) ?? [];
    const allowed = settings.models;
    return {
      service_name: this.nameOf(settings),
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

  protected override logFields(facts: JobLogFacts): LogFields {
    return hostedLogFields(facts);
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: false,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }

  /** @throws ConnectorError `internal` before `initialize()` */
  protected get api(): HostedApi<Client, S> {
    if (!this.#api) throw new ConnectorError('internal', `${this.connector_id} is not initialized`);
    return this.#api;
  }

  /**
   * The model of a job: its own, or the operator's for jobs that name none.
   * @param variable where the operator names it, for the hint
   * @throws ConnectorError `validation`, `permission` or `missing_model`
   */
  protected async modelFor(
    wanted: string | undefined,
    fallback: string | undefined,
    variable: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const model = wanted ?? fallback;
    if (!model) {
      const { word, pointer } = this.api.subject;
      const hint = `name one, or set ${variable} on the worker`;
      throw new ConnectorError('validation', `The job names no ${word}; ${hint}`, {
        errors: [{ pointer, detail: 'is missing', hint }],
      });
    }
    await this.api.checkModel(model, signal);
    return model;
  }

  /** @throws ConnectorError `authentication` when the vendor wants a key and there is none */
  #settingsOf(config: Partial<ConnectorConfig>): S {
    const settings = this.readSettings(config);
    if (settings.keys.length > 0 || !settings.official) return settings;
    const { api_key, base_url } = settings.named;
    const text = `${api_key} is not set; set it on the worker, or ${base_url} to a server that wants no key`;
    throw new ConnectorError('authentication', text);
  }
}
