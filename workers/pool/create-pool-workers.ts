import { Worker, type NativeConnection } from '@temporalio/worker';
import type { ConnectorActivities } from '../../activities/activities.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { Config } from '../../platform/config/settings.ts';

/**
 * Longest delay of a heartbeat in the SDK, and so of progress on its way up and a cancel on its way down. A beat costs
 * the server about 4 ms of CPU. Milliseconds.
 */
const HEARTBEAT_THROTTLE = 400;

export interface PoolWorkerOptions {
  connection: NativeConnection;
  config: Config;
  catalog: Catalog;
  routes: CatalogRoute[];
  activities: ConnectorActivities;
  identity: string;
  /** Overrides the pool's and the mapping's limit. */
  maxConcurrent?: number;
  /** How long jobs go on after the shutdown before the SDK interrupts them. Default: the setting. Milliseconds. */
  graceMs?: number;
}

/** One activity worker per capability queue: a queue is what matches a job with a worker. */
export function createPoolWorkers(options: PoolWorkerOptions): Promise<Worker[]> {
  const { connection, config, catalog, activities, identity } = options;
  return Promise.all(
    options.routes.map((route) => {
      const limit =
        options.maxConcurrent ?? route.max_concurrent_jobs ?? catalog.pools.get(route.pool)!.max_concurrent_jobs;
      return Worker.create({
        connection,
        namespace: config.temporalNamespace,
        taskQueue: taskQueueOf(route.pool, route.capability),
        identity,
        activities,
        maxConcurrentActivityTaskExecutions: limit,
        maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        shutdownGraceTime: options.graceMs ?? config.shutdownGrace,
        // Many queues, few jobs each: pollers grow with the load instead of ten waiting on every queue.
        activityTaskPollerBehavior: {
          type: 'autoscaling',
          initial: 2,
          minimum: 1,
          maximum: Math.max(2, Math.min(10, limit)),
        },
      });
    }),
  );
}
