import type { JobReader } from '../platform/jobs/job-reader.ts';
import type { QueueLookup } from '../platform/jobs/job-state.ts';
import type { Addresses } from '../platform/jobs/build-view.ts';
import type { PlanningOptions } from '../platform/routing/plan-job.ts';
import type { MachineCache } from '../platform/machines/machine-cache.ts';
import type { LivePools } from '../platform/pools/live-pools.ts';
import type { PoolChanger } from '../platform/pools/change-pool.ts';
import type { QueueBacklogs } from '../platform/jobs/queue-backlog.ts';
import type { LiveHub } from '../platform/live/live-hub.ts';
import type { ApiDeps } from './deps.ts';
import type { ApiMetrics } from './metrics.ts';
import type { Slots } from './watch/watch-context.ts';
import type { WatchHub } from './watch/watch-hub.ts';

/** What routes work with: what was handed in, and what the API builds from it once. */
export interface ApiContext extends Omit<ApiDeps, 'live'> {
  addresses: Addresses;
  reader: JobReader;
  hub: WatchHub;
  live: LiveHub;
  pools: LivePools;
  poolChanger: PoolChanger;
  backlogs: QueueBacklogs;
  machines: MachineCache;
  metrics: ApiMetrics;
  planning: PlanningOptions;
  queues: QueueLookup;
  /** Long polls for `?wait=` and `Prefer: wait`. */
  waits: Slots;
  /** Open event streams over all clients. */
  streams: Slots;
  /** Aborted when the API stops: who waits is answered with what is known. */
  closing: AbortSignal;
  /** Longest wait for one call to Temporal, milliseconds. */
  timeoutMs: number;
}
