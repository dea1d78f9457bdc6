import type { Client } from '@temporalio/client';
import { PresenceCache } from '../../platform/presence/presence-cache.ts';
import type { ProcessBase } from './load-process.ts';

/** Who is there, kept up to date in the background; who gets it stops it. */
export function startPresence(
  client: Client,
  { config, logger }: Pick<ProcessBase, 'config' | 'logger'>,
): PresenceCache {
  const presence = new PresenceCache({
    workflowService: client.workflowService,
    namespace: config.temporalNamespace,
    logger,
    staleMs: Math.max(8_000, config.workerHeartbeat * 4),
  });
  presence.start();
  return presence;
}
