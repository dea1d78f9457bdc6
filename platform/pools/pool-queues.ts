import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog } from '../catalog/catalog.ts';

/** What a pool can run, as the mapping has it. */
export function capabilitiesOf(catalog: Catalog, pool: string): string[] {
  const routes = [...catalog.services.values()].flatMap((service) => service.routes);
  return [...new Set(routes.filter((route) => route.pool === pool).map((route) => route.capability))];
}

/** The queues of a pool: those of the mapping, and those that workers who are there serve besides. */
export function poolQueues(catalog: Catalog, present: readonly { task_queue: string }[], pool: string): string[] {
  const served = present.map((worker) => worker.task_queue).filter((queue) => queue.startsWith(`${pool}.`));
  return [...new Set([...capabilitiesOf(catalog, pool).map((capability) => taskQueueOf(pool, capability)), ...served])];
}
