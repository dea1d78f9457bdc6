import { parseTaskQueue, taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { QueueBacklogs } from '../jobs/queue-backlog.ts';
import type { PoolReading, PoolSlotsView, WaitingJobs } from '../metrics/pool-metrics.ts';
import type { WorkerPresence } from '../presence/worker-presence.ts';
import type { LivePools } from './live-pools.ts';
import { capabilitiesOf, poolQueues } from './pool-queues.ts';

const PRIORITIES = [1, 2, 3, 4, 5];

export interface ReadPoolsFrom {
  catalog: Catalog;
  pools: LivePools;
  presence: { workers(): WorkerPresence[] };
  backlogs: QueueBacklogs;
}

/** One look at all pools, for metrics; one call to Temporal for each queue. */
export async function readPools(from: ReadPoolsFrom): Promise<PoolReading> {
  const { catalog, pools, presence } = from;
  const names = [...catalog.pools.keys()];
  return {
    waiting: await waitingJobs(from, names).catch(() => undefined),
    slots: names.flatMap((pool) => slotsOf(pool, catalog, presence.workers())),
    states: names.map((pool) => ({ pool, state: pools.control(pool).state })),
  };
}

/** Queues that a capability has besides its plain one are added to it. */
async function waitingJobs(from: ReadPoolsFrom, names: string[]): Promise<WaitingJobs[]> {
  const { catalog, presence, backlogs } = from;
  const queues = names.flatMap((pool) => poolQueues(catalog, presence.workers(), pool));
  const sums = new Map<string, WaitingJobs>();
  const read = await Promise.all(queues.map((queue) => backlogs.read(queue)));
  for (const [index, { by_priority: found }] of read.entries()) {
    const { pool, capability } = parseTaskQueue(queues[index]!) ?? {};
    if (pool === undefined || capability === undefined) continue;
    for (const priority of PRIORITIES) {
      const key = `${pool} ${capability} ${priority}`;
      const sum = sums.get(key) ?? { pool, capability, priority, jobs: 0, oldest: 0 };
      const here = found.find((one) => one.priority === priority);
      sum.jobs += here?.queued ?? 0;
      sum.oldest = Math.max(sum.oldest, (here?.oldest_ms ?? 0) / 1_000);
      sums.set(key, sum);
    }
  }
  return [...sums.values()];
}

function slotsOf(pool: string, catalog: Catalog, workers: readonly WorkerPresence[]): PoolSlotsView[] {
  return capabilitiesOf(catalog, pool).map((capability) => {
    const queue = taskQueueOf(pool, capability);
    const present = workers.filter((worker) => worker.task_queue === queue);
    const sum = (value: (worker: WorkerPresence) => number) => present.reduce((all, one) => all + value(one), 0);
    return {
      ...{ pool, capability },
      workers: present.length,
      used: sum((worker) => worker.slots_used),
      free: sum((worker) => Math.max(0, worker.slots_free)),
    };
  });
}
