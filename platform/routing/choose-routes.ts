import type { FieldError } from '../../contract/errors.ts';
import type { Job } from '../../contract/job.schema.ts';
import type { Need } from '../../contract/needs.ts';
import type { JobPlan, Route } from '../../contract/plan.ts';
import { ANY_POOL, hotQueueOf, taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog, CatalogRoute, CatalogService } from '../catalog/catalog.ts';
import type { QueuePresence } from '../presence/presence-cache.ts';
import type { HotSends } from './hot-sends.ts';
import { unmetRequirements } from './match-requirements.ts';
import { modelLabel, needInWords, needOf } from './need-of.ts';

export interface RouteChoice extends Pick<JobPlan, 'routes' | 'needs' | 'announce'> {
  /** What the time-outs and the retry policy come from. */
  first: CatalogRoute;
}

/** What routing knows beside the configuration. */
export interface RoutingKnowledge {
  /** What is known of the workers of a queue; pools nobody serves now come last. Left out: order of the mapping. */
  presence?: (taskQueue: string) => QueuePresence;
  /** Bounds how many jobs wait for a loaded model. Left out: no bound. */
  hotSends?: HotSends;
}

/**
 * The classifier: service, requirements, model and explicit pool → queues in order of preference. An explicit pool is
 * taken at its word and has no alternatives. What only some workers have leads to a queue that only those poll;
 * requirements that nobody meets are no error: such a job waits there.
 * @param model what the job's payload names, when its requirements name none
 * @param errors gets what makes the job invalid: an unknown pool, a pool that cannot run the service
 */
export function chooseRoutes(
  job: Job,
  service: CatalogService,
  catalog: Catalog,
  errors: FieldError[],
  knowledge: RoutingKnowledge,
  now: number,
  model?: string,
): RouteChoice {
  const candidates = candidateRoutes(job, service, catalog, errors);
  const { connector } = job.requirements;
  if (connector !== undefined && !service.routes.some((route) => route.connector === connector)) {
    const names = [...new Set(service.routes.map((route) => route.connector))];
    errors.push({
      pointer: '/requirements/connector',
      detail: `"${connector}" does not serve ${service.name}`,
      hint: `one of: ${names.join(', ')}`,
    });
  }
  const able = candidates.filter((route) => connector === undefined || route.connector === connector);
  if (able.length === 0) {
    if (errors.length === 0) {
      const pools = service.routes.filter((route) => route.connector === connector).map(({ pool }) => pool);
      errors.push({
        pointer: '/requirements/connector',
        detail: `"${connector}" does not serve ${service.name} in pool ${job.pool}`,
        hint: `one of the pools: ${[...new Set(pools)].join(', ')}`,
      });
    }
    return { first: candidates[0] ?? service.routes[0]!, routes: [] };
  }
  const computes = ({ pool }: CatalogRoute) => catalog.pools.get(pool)!.offers.machine_type !== 'api';
  const need = needOf(job.requirements, service.name, service.routes, able.some(computes));
  const choice = need
    ? strictRoutes(job, need, able, catalog, knowledge)
    : plainRoutes(job.requirements.machine_type === 'cpu' ? able.filter(computes) : able, catalog, knowledge);
  const named = job.requirements.model ?? (need ? undefined : model);
  const hot =
    named === undefined ? undefined : hotRoute(need?.label ?? modelLabel(named), able, catalog, knowledge, now);
  return { ...choice, routes: hot ? [hot, ...choice.routes] : choice.routes };
}

function plainRoutes(able: readonly CatalogRoute[], catalog: Catalog, { presence }: RoutingKnowledge): RouteChoice {
  // Sorting is stable: among pools that somebody serves the mapping's order stands.
  const sorted = able.toSorted((a, b) => absence(queueOf(a), presence) - absence(queueOf(b), presence));
  const first = sorted[0]!;
  // A plan names one connector; pools that would use another are no alternatives.
  const alike = sorted.filter((route) => route.connector === first.connector);
  return {
    first,
    routes: alike.map((route, index) => ({
      ...routeTo(route.pool, route.capability),
      ...(index < alike.length - 1 ? { spill_after_ms: spillMs(catalog, route.pool) } : {}),
    })),
  };
}

/** Pools whose promise meets the needs come first; after them whoever has what it takes. */
function strictRoutes(
  job: Job,
  need: Need,
  able: readonly CatalogRoute[],
  catalog: Catalog,
  { presence }: RoutingKnowledge,
): RouteChoice {
  const { capability, label } = need;
  const told = { needs: needInWords(need) };
  const announced = (routes: readonly Route[]) =>
    routes.some((route) => ['free', 'busy'].includes(presence?.(route.task_queue) ?? 'unknown'))
      ? {}
      : { announce: need };
  if (job.pool !== undefined) {
    const routes = [routeTo(job.pool, capability, label)];
    return { ...told, first: able[0]!, routes, ...announced(routes) };
  }
  const promised = able.filter(
    (route) =>
      unmetRequirements(job.requirements, route, catalog.pools.get(route.pool)!).length === 0 &&
      presence?.(taskQueueOf(route.pool, capability, label)) !== 'none',
  );
  const pools = [...new Set(promised.map(({ pool }) => pool))];
  const routes: Route[] = [
    ...pools.map((pool) => ({ ...routeTo(pool, capability, label), spill_after_ms: spillMs(catalog, pool) })),
    { ...routeTo(ANY_POOL, capability, label), stay: true },
  ];
  // Whoever takes it, it has the time of the most patient pool.
  const patient = able.toSorted((a, b) => patience(b, catalog) - patience(a, catalog))[0]!;
  return { ...told, first: promised[0] ?? patient, routes, ...announced(routes) };
}

/** Where workers are that have the model loaded; nobody is known to have it: nowhere. */
function hotRoute(
  label: string,
  able: readonly CatalogRoute[],
  catalog: Catalog,
  { presence, hotSends }: RoutingKnowledge,
  now: number,
): Route | undefined {
  if (!presence) return undefined;
  const found = able.flatMap(({ pool, capability }) => {
    const wait = catalog.pools.get(pool)!.affinity_wait_seconds * 1_000;
    const queue = hotQueueOf(pool, capability, label);
    const state = wait > 0 ? presence(queue) : 'none';
    return state === 'free' || state === 'busy' ? [{ ...{ pool, capability, queue, wait }, state }] : [];
  });
  const best = found.find(({ state }) => state === 'free') ?? found[0];
  if (!best || hotSends?.take(best.queue, best.state, best.wait, now) === false) return undefined;
  const { pool, capability, queue, wait } = best;
  return { pool, capability, task_queue: queue, spill_after_ms: wait, once: true };
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

function routeTo(pool: string, capability: string, label?: string): Route {
  return { pool, capability, task_queue: taskQueueOf(pool, capability, label) };
}

function queueOf({ pool, capability }: CatalogRoute): string {
  return taskQueueOf(pool, capability);
}

function spillMs(catalog: Catalog, pool: string): number {
  return catalog.pools.get(pool)!.spill_after_seconds * 1_000;
}

function patience(route: CatalogRoute, catalog: Catalog): number {
  return route.timeout_seconds ?? catalog.pools.get(route.pool)!.timeout_seconds;
}

function absence(taskQueue: string, presence: RoutingKnowledge['presence']): number {
  const present = presence?.(taskQueue);
  return present === 'none' || present === 'draining' ? 1 : 0;
}
