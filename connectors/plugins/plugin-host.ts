import type { Logger } from '../../platform/logging/logger.ts';
import type { ConnectorInterface, JobData } from '../contract/connector.ts';
import type { ConfiguredPlugin } from './load-plugins.ts';
import { PluginError } from './plugin-failure.ts';
import { PluginInstance } from './plugin-instance.ts';
import { PluginRun, type PluginJobParts } from './plugin-run.ts';

/** A connector whose scheduled health checks others may join; BaseConnector is one. */
interface HealthChecked {
  addHealthCheck(check: () => Promise<void>): void;
}

/** The plugins of one worker process. */
export class PluginHost {
  readonly #configured: readonly ConfiguredPlugin[];
  readonly #dataDir: string;
  readonly #logger: Logger;
  readonly #instances = new Map<ConnectorInterface, PluginInstance[]>();

  constructor(configured: readonly ConfiguredPlugin[], dataDir: string, logger: Logger) {
    this.#configured = configured;
    this.#dataDir = dataDir;
    this.#logger = logger;
  }

  /** Names in their order, for `/status`. */
  get names(): string[] {
    return this.#configured.map(({ name }) => name);
  }

  /**
   * Gets the plugins of a connector ready, and has them join its health checks.
   * @throws PluginError of one that cannot start and whose failure counts; the next call tries again
   */
  async attach(className: string, connector: ConnectorInterface): Promise<void> {
    for (const instance of this.#of(className, connector)) {
      try {
        await instance.ready();
      } catch (error) {
        if (instance.configured.onFailure === 'fail') throw error;
        this.#logger.warn({ err: error, plugin: instance.name }, 'a plugin cannot start; jobs go on without it');
      }
    }
  }

  /** The plugins around one attempt. */
  begin(job: JobData, connector: ConnectorInterface, parts: PluginJobParts, signal: AbortSignal): PluginRun {
    return new PluginRun(this.#of(parts.connector, connector), job, parts, signal);
  }

  async cleanup(): Promise<void> {
    const all = [...this.#instances.values()].flat();
    this.#instances.clear();
    await Promise.all(all.map((instance) => instance.cleanup()));
  }

  #of(className: string, connector: ConnectorInterface): PluginInstance[] {
    let instances = this.#instances.get(connector);
    if (!instances) {
      instances = this.#configured
        .filter((configured) => configured.servesConnector(className))
        .map((configured) => new PluginInstance(configured, connector, this.#dataDir, this.#logger));
      this.#instances.set(connector, instances);
      this.#joinHealthChecks(connector, instances);
    }
    return instances;
  }

  #joinHealthChecks(connector: ConnectorInterface, instances: readonly PluginInstance[]): void {
    if (!('addHealthCheck' in connector) || instances.length === 0) return;
    (connector as ConnectorInterface & HealthChecked).addHealthCheck(async () => {
      for (const instance of instances) {
        try {
          await instance.checkHealth();
        } catch (error) {
          const said = error instanceof PluginError && error.refusal;
          if (said || instance.configured.onFailure === 'fail') throw error;
          this.#logger.warn({ err: error, plugin: instance.name }, 'a plugin failed in its health check');
        }
      }
    });
  }
}
