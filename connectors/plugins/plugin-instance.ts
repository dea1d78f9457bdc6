import type { Logger } from '../../platform/logging/logger.ts';
import type { ConnectorInterface } from '../contract/connector.ts';
import type { ConnectorPlugin, HealthCheckResult } from '../contract/plugin.ts';
import type { ConfiguredPlugin } from './load-plugins.ts';
import { pluginErrorOf, pluginTimeout, PluginError, type Hook } from './plugin-failure.ts';
import { withinLimit } from './within-limit.ts';

/** Health checks come often and have a deadline of their own. Milliseconds. */
const HEALTH_LIMIT = 5_000;

/** A plugin at work for one connector: made and initialised when first needed, its hooks limited and named. */
export class PluginInstance {
  readonly configured: ConfiguredPlugin;
  readonly #connector: ConnectorInterface;
  readonly #dataDir: string;
  readonly #logger: Logger;
  #plugin: ConnectorPlugin | undefined;
  #starting: Promise<ConnectorPlugin> | undefined;
  #checking: Promise<HealthCheckResult> | undefined;

  constructor(configured: ConfiguredPlugin, connector: ConnectorInterface, dataDir: string, logger: Logger) {
    this.configured = configured;
    this.#connector = connector;
    this.#dataDir = dataDir;
    this.#logger = logger.child({ plugin: configured.name, connector_id: connector.connector_id });
  }

  get name(): string {
    return this.configured.name;
  }

  /** @throws PluginError when it cannot start; the next call tries again */
  ready(): Promise<ConnectorPlugin> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /**
   * Runs one hook.
   * @param parent ends it sooner, with its reason
   * @throws PluginError, or the reason of `parent`
   */
  async run<T>(
    hook: Hook,
    work: (plugin: ConnectorPlugin, signal: AbortSignal) => Promise<T>,
    parent?: AbortSignal,
  ): Promise<T> {
    const plugin = await this.ready();
    return this.#limited(hook, (signal) => work(plugin, signal), this.configured.timeoutMs, parent);
  }

  /** @throws PluginError saying why it holds the connector for unhealthy, or that it failed itself */
  async checkHealth(): Promise<void> {
    const plugin = await this.ready();
    if (!plugin.onHealthCheck) return;
    const limit = Math.min(HEALTH_LIMIT, this.configured.timeoutMs);
    // One that hangs is not asked again: the answer of the first is waited for once more.
    const asked = (this.#checking ??= (async () =>
      (plugin.onHealthCheck as () => Promise<HealthCheckResult>)())().finally(() => {
      this.#checking = undefined;
    }));
    const result = await this.#limited('onHealthCheck', () => asked, limit, undefined);
    if (result?.healthy === true) return;
    const why = result?.message ?? 'it gives no reason';
    const source = { plugin: this.name, hook: 'onHealthCheck' as const, refusal: true };
    throw new PluginError(source, 'service_unavailable', `The plugin "${this.name}" says: not healthy: ${why}`);
  }

  async cleanup(): Promise<void> {
    const plugin = this.#plugin;
    this.#plugin = undefined;
    this.#starting = undefined;
    if (!plugin?.cleanup) return;
    const limit = this.configured.timeoutMs;
    const late = () => new Error(`the clean-up of the plugin "${this.name}" does not end`);
    await withinLimit(() => (plugin.cleanup as () => Promise<void>)(), limit, undefined, late).catch((error: unknown) =>
      this.#logger.warn({ err: error }, 'plugin clean-up failed'),
    );
  }

  async #start(): Promise<ConnectorPlugin> {
    const environment = { name: this.name, dataDir: this.#dataDir, logger: this.#logger };
    const plugin = await this.#limited(
      'initialize',
      async () => {
        const made = this.configured.create();
        await made.initialize(this.#connector, environment);
        return made;
      },
      this.configured.timeoutMs,
      undefined,
    );
    this.#plugin = plugin;
    this.#logger.info({ version: plugin.version }, 'plugin ready');
    return plugin;
  }

  async #limited<T>(
    hook: Hook,
    work: (signal: AbortSignal) => Promise<T>,
    limitMs: number,
    parent: AbortSignal | undefined,
  ): Promise<T> {
    try {
      return await withinLimit(work, limitMs, parent, () => pluginTimeout(this.name, hook, limitMs));
    } catch (error) {
      if (parent?.aborted) throw parent.reason;
      throw pluginErrorOf(error, this.name, hook);
    }
  }
}
