import { Worker, type NativeConnection } from '@temporalio/worker';
import type { ConnectorActivities } from '../../activities/activities.ts';
import { withinSlots } from '../../activities/process-job/within-slots.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { Config } from '../../platform/config/settings.ts';
import { sharesName, slotsName } from '../../contract/worker-slots.ts';
import { PoolSlots } from './pool-slots.ts';
import type { SharedSlots } from './shared-slots.ts';

/**
 * Longest delay of a heartbeat in the SDK, and so of progress on its way up and a cancel on its way down. A beat costs
 * the server about 4 ms of CPU. Milliseconds.
 */
const HEARTBEAT_THROTTLE = 400;

const MAX_POLLERS = 10;

/** The SDK wants all kinds of slots named; a pool worker runs activities alone. */
const NONE = { type: 'fixed-size', numSlots: 1 } as const;

export interface PoolWorkerOptions {
  connection: NativeConnection;
  config: Config;
  catalog: Catalog;
  routes: CatalogRoute[];
  activities: ConnectorActivities;
  identity: string;
  /** Overrides the pool's and the mapping's limit. */
  maxConcurrent?: number;
  /** Gets the slots of each queue, to change them later. */
  slots?: PoolSlots;
  /** How long jobs go on after the shutdown before the SDK interrupts them. Default: the setting. Milliseconds. */
  graceMs?: number;
}

/** Makes further workers of the same process, for queues derived from those it serves. */
export type CreateDerivedWorker = (route: CatalogRoute, taskQueue: string) => Promise<Worker>;

/** One activity worker per capability queue: a queue is what matches a job with a worker. */
export function createPoolWorkers(options: PoolWorkerOptions): Promise<Worker[]> {
  const { catalog, slots = new PoolSlots() } = options;
  return Promise.all(
    options.routes.map((route) => {
      const taskQueue = taskQueueOf(route.pool, route.capability);
      const own = {
        base: options.maxConcurrent ?? route.max_concurrent_jobs ?? catalog.pools.get(route.pool)!.max_concurrent_jobs,
        capped: options.maxConcurrent !== undefined,
      };
      const shared = slots.add(taskQueue, route.pool, own);
      return createWorker(options, route, taskQueue, shared, MAX_POLLERS, [slotsName(own)]);
    }),
  );
}

/** @param options with the slots that the process's other workers were made with */
export function derivedWorkers(options: PoolWorkerOptions & { slots: PoolSlots }): CreateDerivedWorker {
  return (route, taskQueue) => {
    const plain = taskQueueOf(route.pool, route.capability);
    const { slots, own } = options.slots.of(plain);
    return createWorker(options, route, taskQueue, slots, 1, [slotsName(own), sharesName(plain)]);
  };
}

function createWorker(
  options: PoolWorkerOptions,
  { pool, capability }: CatalogRoute,
  taskQueue: string,
  slots: SharedSlots,
  pollers: number,
  marks: string[],
): Promise<Worker> {
  const { connection, config, activities, identity } = options;
  return Worker.create({
    connection,
    namespace: config.temporalNamespace,
    taskQueue,
    identity,
    activities: {
      ...activities,
      processJob: withinSlots(activities.processJob, slots, { pool, capability }, identity),
    },
    tuner: {
      activityTaskSlotSupplier: slots.supplierFor(taskQueue),
      ...{ workflowTaskSlotSupplier: NONE, localActivityTaskSlotSupplier: NONE, nexusTaskSlotSupplier: NONE },
    },
    plugins: marks.map((name) => ({ name })),
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    shutdownGraceTime: options.graceMs ?? config.shutdownGrace,
    // Many queues, few jobs each: pollers grow with the load instead of ten waiting on every queue.
    activityTaskPollerBehavior:
      pollers === 1
        ? { type: 'simple-maximum', maximum: 1 }
        : { type: 'autoscaling', initial: 2, minimum: 1, maximum: pollers },
  });
}
