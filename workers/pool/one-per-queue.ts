import { taskQueueOf } from '../../contract/task-queues.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';

/** One queue, one worker: where several connectors could serve it, the one that comes first does. */
export function onePerQueue(routes: readonly CatalogRoute[]): CatalogRoute[] {
  const byQueue = new Map<string, CatalogRoute>();
  for (const route of routes) {
    const queue = taskQueueOf(route.pool, route.capability);
    if (!byQueue.has(queue)) byQueue.set(queue, route);
  }
  return [...byQueue.values()];
}
