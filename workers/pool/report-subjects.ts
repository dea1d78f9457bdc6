import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { ConnectorHost } from './connector-host.ts';
import type { StatusReportsOptions } from './report-status.ts';
import { unservedRoutes } from './one-per-queue.ts';
import type { MissingVariable } from './required-env.ts';

/** The connectors by which these routes are served, each once. @param slots jobs at a time, by task queue */
export function servedSubjects(
  routes: readonly CatalogRoute[],
  connectors: Pick<ConnectorHost, 'get'>,
  slots: ReadonlyMap<string, number>,
): StatusReportsOptions['served'] {
  const grouped = groupBy(routes, ({ connector, api_config }) => JSON.stringify([connector, api_config]));
  return grouped.map((group) => {
    const { connector, api_config } = group[0]!;
    return {
      connector,
      queues: group.map(({ pool, capability }) => ({
        ...{ pool, capability },
        slots: slots.get(taskQueueOf(pool, capability)),
      })),
      ready: () => connectors.get(connector, api_config),
    };
  });
}

/** What a worker was to serve and cannot. @param asked all routes it was given, @param served those that are left */
export function lackingSubjects(
  asked: readonly CatalogRoute[],
  served: readonly CatalogRoute[],
  missing: readonly MissingVariable[],
): StatusReportsOptions['missing'] {
  return groupBy(unservedRoutes(asked, served), ({ connector, worker_id }) =>
    JSON.stringify([connector, worker_id]),
  ).map((group) => {
    const { connector, worker_id } = group[0]!;
    const concerns = ({ workers }: MissingVariable) => workers.includes(worker_id ?? connector);
    return {
      connector,
      queues: group.map(({ pool, capability }) => ({ pool, capability })),
      variables: missing.filter(concerns).map(({ variable }) => variable),
    };
  });
}

function groupBy(routes: readonly CatalogRoute[], keyOf: (route: CatalogRoute) => string): CatalogRoute[][] {
  const groups = new Map<string, CatalogRoute[]>();
  for (const route of routes) groups.set(keyOf(route), [...(groups.get(keyOf(route)) ?? []), route]);
  return [...groups.values()];
}
