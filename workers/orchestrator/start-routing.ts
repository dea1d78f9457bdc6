import type { NativeConnection } from '@temporalio/worker';
import type { OrchestratorActivities } from '../../activities/activities.ts';
import { createAnnounceNeed } from '../../activities/announce-need.ts';
import { createPlanJob } from '../../activities/plan-job.ts';
import type { LivePools } from '../../platform/pools/live-pools.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { startPresence } from '../process/start-presence.ts';

/** The activities of an orchestrator, with what they know of pools and workers. */
export interface Routing {
  activities: OrchestratorActivities;
  presence: PresenceCache;
  stop(): void;
}

/** Jobs that come without the API are routed with the same knowledge as it has. */
export function startRouting(
  connection: NativeConnection,
  base: Pick<ProcessBase, 'config' | 'catalog' | 'logger' | 'planning'>,
  pools: LivePools,
): Routing {
  const { config, catalog, planning } = base;
  const client = createClient(connection, config.temporalNamespace);
  const presence = startPresence(client, base);
  const knowing = { ...planning, presence: (queue: string) => pools.holdOf(queue) ?? presence.queue(queue) };
  return {
    activities: {
      planJob: createPlanJob({ ...catalog, pools: pools.effective }, knowing),
      announceNeed: createAnnounceNeed(client),
    },
    presence,
    stop: () => presence.stop(),
  };
}
