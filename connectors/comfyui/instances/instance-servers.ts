import type { ConnectorConfig } from '../../contract/connector.ts';
import type { ComfyClient } from '../comfy-client.ts';
import { knowledgeOf, type ServerKnowledge } from '../server-knowledge.ts';
import { readSettings } from '../settings.ts';
import type { KeptInstance } from './kept-instance.ts';

/** What is known of each instance's nodes and models; learned anew when it answers elsewhere, or was restarted. */
export class InstanceServers {
  readonly #config: ConnectorConfig;
  readonly #known = new WeakMap<ComfyClient, { life: number; server: ServerKnowledge }>();

  /** @param config settings that hold for all; address and credentials are each instance's own */
  constructor(config: ConnectorConfig) {
    this.#config = config;
  }

  of({ client, url, life }: KeptInstance): ServerKnowledge {
    const known = this.#known.get(client);
    if (known && known.life === life) return known.server;
    const own = { base_url: url, username: '', password: '', api_key: '' };
    const settings = readSettings({ ...this.#config, ...own }, undefined, process.env);
    const server = knowledgeOf(client, settings);
    this.#known.set(client, { life, server });
    return server;
  }
}
