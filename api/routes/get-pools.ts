import type { Pool } from '../../platform/catalog/pools.schema.ts';
import { QueueBacklogs, type QueueBacklog } from '../../platform/jobs/queue-backlog.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

export function getPools(api: ApiContext): Route {
  const backlogs = new QueueBacklogs(api.client, api.timeoutMs);
  return {
    method: 'get',
    path: '/pools',
    operation: {
      id: 'listPools',
      tag: 'operation',
      summary: 'List the pools',
      description:
        'Their configuration, what they run, who is there and what waits. Counts of waiting jobs come from Temporal, ' +
        'are approximate and at most a second old; without Temporal they are left out.',
      answers: { 200: json('All pools', ref('PoolList')) },
    },
    async handle(_req, res) {
      const pools = [...api.catalog.pools].map(([name, pool]) => poolView(api, backlogs, name, pool));
      res.json({ pools: await Promise.all(pools) });
    },
  };
}

async function poolView(api: ApiContext, backlogs: QueueBacklogs, name: string, pool: Pool) {
  const capabilities = new Set(
    [...api.catalog.services.values()].flatMap((service) =>
      service.routes.filter((route) => route.pool === name).map((route) => route.capability),
    ),
  );
  const queues = await Promise.all(
    [...capabilities].map(async (capability) => {
      const taskQueue = taskQueueOf(name, capability);
      const present = api.presence.workers().filter((worker) => worker.task_queue === taskQueue);
      return {
        capability,
        task_queue: taskQueue,
        workers: present.length,
        slots_used: sum(present.map((worker) => worker.slots_used)),
        slots_free: sum(present.map((worker) => Math.max(0, worker.slots_free))),
        backlog: await backlogOf(backlogs, taskQueue),
      };
    }),
  );
  return {
    name,
    ...pool,
    services: [...capabilities],
    workers: sum(queues.map((queue) => queue.workers)),
    slots_used: sum(queues.map((queue) => queue.slots_used)),
    slots_free: sum(queues.map((queue) => queue.slots_free)),
    queues,
  };
}

async function backlogOf(backlogs: QueueBacklogs, taskQueue: string): Promise<QueueBacklog | undefined> {
  try {
    return await backlogs.read(taskQueue);
  } catch {
    return undefined;
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
