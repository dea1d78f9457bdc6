import type { Client } from '@temporalio/client';
import type { Catalog } from '../platform/catalog/catalog.ts';
import type { ArtifactStore } from '../platform/artifacts/artifact-store.ts';
import type { Config } from '../platform/config/settings.ts';
import type { LiveHub } from '../platform/live/live-hub.ts';
import type { Logger } from '../platform/logging/logger.ts';
import type { LivePools } from '../platform/pools/live-pools.ts';
import type { PresenceCache } from '../platform/presence/presence-cache.ts';

/** All that the API rests on, built by the composition root of its process. */
export interface ApiDeps {
  client: Client;
  config: Config;
  catalog: Catalog;
  presence: PresenceCache;
  /** Started and stopped by who made it; without it the API has its own. */
  pools?: LivePools;
  artifacts: ArtifactStore;
  logger: Logger;
  /** Client and workflow worker share one connection: workflows start without waiting for a poll. */
  eagerStart: boolean;
  version: string;
  /** The live channel of this process; without it workers can bring nothing. */
  live?: { hub: LiveHub; token: string };
}
