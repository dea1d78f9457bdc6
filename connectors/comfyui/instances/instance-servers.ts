import type { ConnectorConfig } from '../../contract/connector.ts';
import type { ComfyClient } from '../comfy-client.ts';
import { ModelLists } from '../model-lists.ts';
import { NodeCatalog } from '../object-info.ts';
import { type ComfySettings, readSettings } from '../settings.ts';
import { TemplateStore } from '../template-store.ts';
import type { KeptInstance } from './kept-instance.ts';

/** What a job needs to know of the instance it runs on. */
interface InstanceServer {
  settings: ComfySettings;
  client: ComfyClient;
  catalog: NodeCatalog;
  models: ModelLists;
  templates: TemplateStore;
}

/** What is known of each instance's nodes and models; learned anew when it answers elsewhere, or was restarted. */
export class InstanceServers {
  readonly #config: ConnectorConfig;
  readonly #known = new WeakMap<ComfyClient, { life: number; server: InstanceServer }>();

  /** @param config settings that hold for all; address and credentials are each instance's own */
  constructor(config: ConnectorConfig) {
    this.#config = config;
  }

  of({ client, url, life }: KeptInstance): InstanceServer {
    const known = this.#known.get(client);
    if (known && known.life === life) return known.server;
    const own = { base_url: url, username: '', password: '', api_key: '' };
    const settings = readSettings({ ...this.#config, ...own }, undefined, process.env);
    const ttl = settings.catalog_seconds * 1_000;
    const server: InstanceServer = {
      settings,
      client,
      catalog: new NodeCatalog((name) => client.objectInfo(name), ttl),
      models: new ModelLists(client, ttl),
      templates: new TemplateStore(settings.template_dir),
    };
    this.#known.set(client, { life, server });
    return server;
  }
}
