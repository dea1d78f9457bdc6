import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import type { PluginHost } from '../../connectors/plugins/plugin-host.ts';
import type { JobTask } from '../../contract/plan.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { makeConnector } from './make-connector.ts';

/** The connectors of one worker process: each is made once, when first needed, and kept. */
export class ConnectorHost {
  readonly #discovered: DiscoveredConnectors;
  readonly #logger: Logger;
  readonly #plugins: PluginHost | undefined;
  readonly #ready = new Map<string, Promise<ConnectorInterface>>();
  readonly #instances = new Map<string, ConnectorInterface>();

  constructor(discovered: DiscoveredConnectors, logger: Logger, plugins?: PluginHost) {
    this.#discovered = discovered;
    this.#logger = logger;
    this.#plugins = plugins;
  }

  /**
   * The ready connector for a job: the one this worker serves the job's queue by, unless the job demands a class.
   * @param className what the plan names; a queue may be served by several connectors of a family
   * @param routes what this worker serves
   * @throws as {@link get}
   */
  forTask(className: string, task: JobTask, routes: readonly CatalogRoute[]): Promise<ConnectorInterface> {
    const demanded = task.job.requirements.connector;
    const own = routes.find(
      ({ pool, capability, connector }) =>
        pool === task.pool && capability === task.capability && (demanded === undefined || demanded === connector),
    );
    if (!own) return this.get(demanded ?? className);
    return this.get(own.connector, own.api_config);
  }

  /**
   * The ready connector of that class.
   * @param apiConfig of the mapping; connectors that differ in it are different ones
   * @throws ConnectorError `service_unavailable` when it cannot start; the next call tries again
   */
  get(className: string, apiConfig?: CatalogRoute['api_config']): Promise<ConnectorInterface> {
    const key = apiConfig === undefined ? className : `${className} ${JSON.stringify(apiConfig)}`;
    let ready = this.#ready.get(key);
    if (!ready) {
      ready = this.#create(className, key, apiConfig).catch((error: unknown) => {
        this.#ready.delete(key);
        if (error instanceof ConnectorError) throw error;
        throw new ConnectorError('service_unavailable', `${className} could not start: ${(error as Error).message}`, {
          cause: error,
        });
      });
      this.#ready.set(key, ready);
    }
    return ready;
  }

  states(): { connector: string; connector_id: string; status: string }[] {
    return [...this.#instances].map(([key, instance]) => ({
      connector: key.split(' ', 1)[0] as string,
      connector_id: instance.connector_id,
      status: instance.getStatus(),
    }));
  }

  async cleanup(): Promise<void> {
    for (const [name, instance] of this.#instances) {
      await instance
        .cleanup()
        .catch((error: unknown) => this.#logger.warn({ err: error, connector: name }, 'connector clean-up failed'));
    }
    await this.#plugins?.cleanup();
    this.#instances.clear();
    this.#ready.clear();
  }

  async #create(className: string, key: string, apiConfig: CatalogRoute['api_config']): Promise<ConnectorInterface> {
    const found = this.#discovered.connectors.get(className);
    if (!found) {
      throw new ConnectorError(
        'internal',
        `This worker has no connector ${className}; it has ${[...this.#discovered.connectors.keys()].join(', ')}`,
        { retryable: false },
      );
    }
    const ConnectorClass = await found.load();
    const instance = await makeConnector(ConnectorClass, apiConfig);
    try {
      await instance.initialize();
      await this.#plugins?.attach(className, instance);
    } catch (error) {
      // The next try makes another one.
      await instance.cleanup().catch(() => {});
      throw error;
    }
    this.#instances.set(key, instance);
    this.#logger.info({ connector: className, connector_id: instance.connector_id }, 'connector ready');
    return instance;
  }
}
