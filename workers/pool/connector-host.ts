import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/** The connectors of one worker process: each is made once, when first needed, and kept. */
export class ConnectorHost {
  readonly #discovered: DiscoveredConnectors;
  readonly #logger: Logger;
  readonly #ready = new Map<string, Promise<ConnectorInterface>>();
  readonly #instances = new Map<string, ConnectorInterface>();

  constructor(discovered: DiscoveredConnectors, logger: Logger) {
    this.#discovered = discovered;
    this.#logger = logger;
  }

  /**
   * The ready connector of that class.
   * @throws ConnectorError `service_unavailable` when it cannot start; the next call tries again
   */
  get(className: string): Promise<ConnectorInterface> {
    let ready = this.#ready.get(className);
    if (!ready) {
      ready = this.#create(className).catch((error: unknown) => {
        this.#ready.delete(className);
        if (error instanceof ConnectorError) throw error;
        throw new ConnectorError('service_unavailable', `${className} could not start: ${(error as Error).message}`, {
          cause: error,
        });
      });
      this.#ready.set(className, ready);
    }
    return ready;
  }

  states(): { connector: string; connector_id: string; status: string }[] {
    return [...this.#instances].map(([connector, instance]) => ({
      connector,
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
    this.#instances.clear();
    this.#ready.clear();
  }

  async #create(className: string): Promise<ConnectorInterface> {
    const found = this.#discovered.connectors.get(className);
    if (!found) {
      throw new ConnectorError(
        'internal',
        `This worker has no connector ${className}; it has ${[...this.#discovered.connectors.keys()].join(', ')}`,
        { retryable: false },
      );
    }
    const ConnectorClass = await found.load();
    const instance = new ConnectorClass();
    await instance.initialize();
    this.#instances.set(className, instance);
    this.#logger.info({ connector: className, connector_id: instance.connector_id }, 'connector ready');
    return instance;
  }
}
