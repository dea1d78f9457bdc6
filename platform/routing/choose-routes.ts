import type { FieldError } from '../../contract/errors.ts';
import type { Job } from '../../contract/job.schema.ts';
import type { Route } from '../../contract/plan.ts';
import { taskQueueOf, UNMATCHED_POOL } from '../../contract/task-queues.ts';
import type { Catalog, CatalogRoute, CatalogService } from '../catalog/catalog.ts';
import type { QueuePresence } from '../presence/presence-cache.ts';
import { unmetRequirements } from './match-requirements.ts';

export interface RouteChoice {
  /** What the time-outs and the retry policy come from. */
  first: CatalogRoute;
  routes: Route[];
  unmatched?: string;
}

/**
 * The classifier: service, requirements, model and explicit pool → pools in order of preference. An explicit pool is
 * taken at its word and has no alternatives. Requirements that no pool meets are no error: such a job waits.
 * @param errors gets what makes the job invalid: an unknown pool, a pool that cannot run the service
 */
export function chooseRoutes(
  job: Job,
  service: CatalogService,
  catalog: Catalog,
  errors: FieldError[],
  presence?: (taskQueue: string) => QueuePresence,
): RouteChoice {
  const candidates = candidateRoutes(job, service, catalog, errors);
  const first = candidates[0] ?? service.routes[0]!;
  const { connector } = job.requirements;
  if (connector !== undefined && !service.routes.some((route) => route.connector === connector)) {
    const names = [...new Set(service.routes.map((route) => route.connector))];
    errors.push({
      pointer: '/requirements/connector',
      detail: `"${connector}" does not serve ${service.name}`,
      hint: `one of: ${names.join(', ')}`,
    });
  }
  const fitting = candidates.filter(
    (route) => unmetRequirements(job.requirements, route, catalog.pools.get(route.pool)!).length === 0,
  );
  // Array.sort is stable: among pools that somebody serves the mapping's order stands.
  fitting.sort((a, b) => absent(a, presence) - absent(b, presence));
  if (fitting.length === 0 && errors.length === 0) {
    const lacks = candidates.map((route) =>
      unmetRequirements(job.requirements, route, catalog.pools.get(route.pool)!).join(', '),
    );
    return {
      first,
      routes: [
        { pool: UNMATCHED_POOL, capability: service.name, task_queue: taskQueueOf(UNMATCHED_POOL, service.name) },
      ],
      unmatched: `No configured pool meets the requirements: ${lacks.join('; ')}`,
    };
  }
  return {
    first: fitting[0] ?? first,
    routes: fitting
      // A plan names one connector; pools that would use another are no alternatives.
      .filter((route) => route.connector === fitting[0]!.connector)
      .map(({ pool, capability }, index, all) => ({
        pool,
        capability,
        task_queue: taskQueueOf(pool, capability),
        ...(index < all.length - 1 ? { spill_after_ms: catalog.pools.get(pool)!.spill_after_seconds * 1_000 } : {}),
      })),
  };
}

function candidateRoutes(job: Job, service: CatalogService, catalog: Catalog, errors: FieldError[]): CatalogRoute[] {
  if (job.pool === undefined) return service.routes;
  if (!catalog.pools.has(job.pool)) {
    errors.push({
      pointer: '/pool',
      detail: `there is no pool "${job.pool}"`,
      hint: `one of: ${[...catalog.pools.keys()].join(', ')}`,
    });
    return [];
  }
  const inPool = service.routes.filter((route) => route.pool === job.pool);
  if (inPool.length === 0) {
    const pools = [...new Set(service.routes.map((route) => route.pool))];
    errors.push({
      pointer: '/pool',
      detail: `pool ${job.pool} does not run ${service.name}`,
      hint: `one of: ${pools.join(', ')}`,
    });
  }
  return inPool;
}

function absent(route: CatalogRoute, presence?: (taskQueue: string) => QueuePresence): number {
  return presence?.(taskQueueOf(route.pool, route.capability)) === 'none' ? 1 : 0;
}
