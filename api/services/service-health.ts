import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import type { ServiceHealth, ServingWorker } from '../../contract/service-health.schema.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { HeldReport } from '../../platform/live/report-book.ts';
import type { QueuePresence } from '../../platform/presence/presence-cache.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';

/** A worker may report before its presence shows; and what has just reported is there. Milliseconds. */
const JUST_HEARD_MS = 10_000;
/** A worker that has started has connected by then. Milliseconds. */
const STARTING_MS = 15_000;
const MOST_MODELS = 500;

const SILENT =
  'it does not report over the live channel; on another machine than the API it needs SWITCHYARD_LIVE_URL and ' +
  'SWITCHYARD_LIVE_TOKEN (docs/live-channel.md)';

/** What is known of who is there. */
export interface Sources {
  presence: { workers(): readonly WorkerPresence[]; queue(taskQueue: string): QueuePresence };
  reports: readonly HeldReport[];
}

/**
 * How a service fares: who is there by presence, how it is with their backends by their reports.
 * @param models name the models of each worker, not only of all together
 */
export function serviceHealth(routes: readonly CatalogRoute[], sources: Sources, models: boolean): ServiceHealth {
  const queues = [...new Map(routes.map((route) => [taskQueueOf(route.pool, route.capability), route])).values()];
  const found = queues.map((route) => workersOf(route, sources));
  const serving = found.flatMap(({ reported, silent }) => [
    ...reported.map((each) => viewOf(each, models)),
    ...silent.map(silentView),
  ]);
  const names = new Set(found.flatMap(({ reported }) => reported.flatMap(({ held }) => held.report.models ?? [])));
  const largest = Math.max(0, ...serving.map(({ models_total }) => models_total ?? 0));
  const presenceKnown = found.every((one) => one.known);
  return {
    ...overall(
      serving,
      found.flatMap(({ notSetUp }) => notSetUp),
      presenceKnown,
      routes,
    ),
    models: [...names].toSorted().slice(0, MOST_MODELS),
    models_total: Math.max(names.size, largest),
    served_by: serving,
  };
}

interface Reported {
  pool: string;
  capability: string;
  held: HeldReport;
  presence: WorkerPresence | undefined;
}

function workersOf({ pool, capability }: CatalogRoute, { presence, reports }: Sources) {
  const queue = taskQueueOf(pool, capability);
  const known = presence.queue(queue) !== 'unknown';
  const everyone = presence.workers();
  const present = everyone.filter((worker) => worker.task_queue === queue);
  const alive = new Set(everyone.map(({ identity }) => identity));
  const about = reports
    .filter(({ report }) => report.queues.some((each) => each.pool === pool && each.capability === capability))
    .filter(({ report, ageMs }) => !known || alive.has(report.worker) || ageMs < JUST_HEARD_MS);
  const reported = about
    .filter(({ report }) => report.health !== 'not_set_up')
    .map(
      (held): Reported => ({
        ...{ pool, capability, held },
        presence: present.find(({ identity }) => identity === held.report.worker),
      }),
    );
  const heard = new Set(reported.map(({ held }) => held.report.worker));
  const silent = present.filter(({ identity }) => !heard.has(identity)).map((worker) => ({ pool, worker }));
  const notSetUp = about.filter(({ report }) => report.health === 'not_set_up').map(({ report }) => report);
  return { known, reported, silent, notSetUp };
}

function viewOf({ pool, capability, held, presence }: Reported, withModels: boolean): ServingWorker {
  const { report, ageMs } = held;
  const { queues, health, state_age_ms, checked_age_ms, models, ...rest } = report;
  const before = (age: number | undefined) =>
    age === undefined ? undefined : new Date(Date.now() - ageMs - age).toISOString();
  const own = queues.find((each) => each.pool === pool && each.capability === capability);
  const free = presence && presence.slots_free >= 0 ? presence.slots_free : undefined;
  return {
    ...rest,
    pool,
    health: health === 'not_set_up' ? 'unknown' : health,
    since: before(state_age_ms),
    checked_at: before(checked_age_ms),
    ...(withModels ? { models } : {}),
    slots: free === undefined ? own?.slots : (presence?.slots_used ?? 0) + free,
    slots_free: free,
  };
}

function silentView({ pool, worker }: { pool: string; worker: WorkerPresence }): ServingWorker {
  // Both by the worker's clock.
  const age = Date.parse(worker.heartbeat_at) - Date.parse(worker.started_at);
  const free = worker.slots_free >= 0 ? worker.slots_free : undefined;
  return {
    worker: worker.identity,
    pool,
    health: 'unknown',
    reason: age < STARTING_MS ? 'it has just started' : SILENT,
    ...(free === undefined ? {} : { slots: worker.slots_used + free, slots_free: free }),
  };
}

function overall(
  serving: readonly ServingWorker[],
  notSetUp: readonly ConnectorReport[],
  presenceKnown: boolean,
  routes: readonly CatalogRoute[],
): Pick<ServiceHealth, 'health' | 'health_reason'> {
  const of = (health: ServingWorker['health']) => serving.filter((each) => each.health === health);
  const [unhealthy, degraded, unknown, healthy] = [of('unhealthy'), of('degraded'), of('unknown'), of('healthy')];
  if (serving.length === 0) return nobody(notSetUp, presenceKnown, routes);
  const troubled = unhealthy[0] ?? degraded[0];
  const ill = unhealthy.length + degraded.length;
  if (troubled) {
    const health = healthy.length + degraded.length > 0 ? 'degraded' : 'unhealthy';
    const share = serving.length > 1 ? ` (${ill} of ${serving.length} workers)` : '';
    return { health, health_reason: `${troubled.worker}: ${troubled.reason ?? troubled.health}${share}` };
  }
  if (healthy.length > 0) return { health: 'healthy' };
  return { health: 'unknown', health_reason: `${unknown[0]?.worker}: ${unknown[0]?.reason ?? 'not checked yet'}` };
}

function nobody(
  notSetUp: readonly ConnectorReport[],
  presenceKnown: boolean,
  routes: readonly CatalogRoute[],
): Pick<ServiceHealth, 'health' | 'health_reason'> {
  if (!presenceKnown) return { health: 'unknown', health_reason: 'Temporal does not say which workers are there' };
  const [lacking] = notSetUp;
  if (lacking) return { health: 'no_worker', health_reason: `${lacking.reason} at ${lacking.worker}` };
  const needs = new Set(routes.map((route) => (route.required_env ?? []).join(', ')));
  if (needs.has('') || needs.size === 0) return { health: 'no_worker' };
  return { health: 'no_worker', health_reason: `its workers need ${[...needs].join(', or ')}` };
}
