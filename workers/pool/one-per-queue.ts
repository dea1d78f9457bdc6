import { taskQueueOf } from '../../contract/task-queues.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';

/** One queue, one worker: where several connectors could serve it, the one that comes first does. */
export function onePerQueue(routes: readonly CatalogRoute[]): CatalogRoute[] {
  const byQueue = new Map<string, CatalogRoute>();
  for (const route of routes) if (!byQueue.has(queueOf(route))) byQueue.set(queueOf(route), route);
  return [...byQueue.values()];
}

/** The queues that are not served, each by the route that the mapping prefers. */
export function unservedRoutes(asked: readonly CatalogRoute[], served: readonly CatalogRoute[]): CatalogRoute[] {
  const there = new Set(served.map(queueOf));
  return onePerQueue(asked.filter((route) => !there.has(queueOf(route))));
}

function queueOf({ pool, capability }: CatalogRoute): string {
  return taskQueueOf(pool, capability);
}
