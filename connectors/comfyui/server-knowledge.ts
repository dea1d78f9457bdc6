import type { ComfyClient } from './comfy-client.ts';
import { ModelLists } from './model-lists.ts';
import { NodeCatalog } from './object-info.ts';
import type { ComfySettings } from './settings.ts';
import { TemplateStore } from './template-store.ts';

/** What is known of one server, as far as it was asked. */
export interface ServerKnowledge {
  settings: ComfySettings;
  client: ComfyClient;
  catalog: NodeCatalog;
  models: ModelLists;
  templates: TemplateStore;
}

/** Nothing yet: each part is asked for when it is needed, and kept for `catalog_seconds`. */
export function knowledgeOf(client: ComfyClient, settings: ComfySettings): ServerKnowledge {
  const ttl = settings.catalog_seconds * 1_000;
  return {
    settings,
    client,
    catalog: new NodeCatalog((name) => client.objectInfo(name), ttl),
    models: new ModelLists(client, ttl),
    templates: new TemplateStore(settings.template_dir),
  };
}
