import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { meant } from '../../platform/config/nearest.ts';
import type { PlannedWorker } from '../../platform/machine/plan-workers.ts';
import { deviceBinding } from '../machine/services/device-binding.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { planMachine } from '../process/plan-machine.ts';
import type { Demand } from './required-env.ts';
import { servedRoutes } from './served-routes.ts';

/** What a worker process is asked to do; by a person, or by the supervisor that started it. */
export interface AskedWork {
  pool?: string;
  /** Undefined: all that the rest allows. */
  capabilities?: string[];
  /** Entries of WORKERS, all of whose work this process takes. */
  workers?: readonly string[];
  /** One instance of this worker, for which the supervisor has prepared the environment. */
  instanceOf?: string;
}

/** What a worker process does. */
export interface Assignment {
  /** For its identity: `heavy`, `openai-api`. */
  name: string;
  routes: CatalogRoute[];
  /** What was asked for by name, so that lacking it is an error. */
  strict: Demand;
  /** To be set before any connector is made. */
  env: Record<string, string>;
}

/** @throws ConfigError for what is not configured or cannot be done by one process */
export async function assignWork(base: Pick<ProcessBase, 'config' | 'catalog'>, asked: AskedWork): Promise<Assignment> {
  const { catalog } = base;
  const { pool, capabilities, workers = [], instanceOf } = asked;
  if (instanceOf !== undefined) {
    const routes = routesOf(catalog, instanceOf);
    return { name: instanceOf, routes: only(routes, pool, capabilities), strict: true, env: {} };
  }
  if (workers.length > 0) {
    const { workers: all, gpus } = await planMachine(base, workers);
    const planned = all.filter(({ queues }) => queues.some(({ route }) => pool === undefined || route.pool === pool));
    const routes = only(sumUp(catalog, planned), pool, capabilities);
    if (routes.length === 0) throw nothingToDo(catalog, asked, all);
    const name = pool ?? [...new Set(planned.map(({ workerId }) => workerId))].join('+');
    return { name, routes, strict: true, env: ownEnvironment(planned, gpus) };
  }
  if (pool !== undefined) {
    const routes = servedRoutes(catalog, pool, capabilities);
    return { name: pool, routes, strict: capabilities !== undefined && 'queues', env: {} };
  }
  throw refusal({
    name: '--pool',
    problem: 'is missing, and WORKERS does not say what to run',
    hint: `name a pool (${[...catalog.pools.keys()].join(', ')}), or workers: --workers ${[...catalog.workers.keys()][0] ?? 'NAME'}:1`,
  });
}

function routesOf(catalog: Catalog, workerId: string): CatalogRoute[] {
  if (!catalog.workers.has(workerId)) {
    throw refusal({
      name: '--instance-of',
      problem: `there is no worker "${workerId}" in the service mapping`,
      hint: meant(workerId, [...catalog.workers.keys()]),
    });
  }
  return [...catalog.services.values()].flatMap((service) =>
    service.routes.filter((route) => route.worker_id === workerId),
  );
}

/** The routes of all instances, each with room for the jobs of as many instances as there are. */
function sumUp(catalog: Catalog, planned: readonly PlannedWorker[]): CatalogRoute[] {
  const instances = new Map<CatalogRoute, number>();
  for (const { queues } of planned) {
    for (const { route } of queues) instances.set(route, (instances.get(route) ?? 0) + 1);
  }
  return [...instances].map(([route, count]) => ({
    ...route,
    max_concurrent_jobs: count * (route.max_concurrent_jobs ?? catalog.pools.get(route.pool)!.max_concurrent_jobs),
  }));
}

function only(routes: CatalogRoute[], pool: string | undefined, capabilities: string[] | undefined): CatalogRoute[] {
  return routes.filter(
    (route) =>
      (pool === undefined || route.pool === pool) &&
      (capabilities === undefined || capabilities.includes(route.capability)),
  );
}

/** Instances that have something for themselves cannot share a process: it has one environment. */
function ownEnvironment(planned: readonly PlannedWorker[], gpus: readonly GpuFacts[]): Record<string, string> {
  const [single] = planned;
  if (planned.length === 1 && single) return instanceEnvironment(single, gpus);
  const owners = planned.filter(({ device, ports }) => device !== undefined || ports.length > 0);
  if (owners.length === 0) return {};
  throw refusal({
    name: 'WORKERS',
    problem: `${planned.map(({ name }) => name).join(', ')} cannot share a process: ${owners[0]?.name} has a device or port of its own`,
    hint: `start a process for each (npm start does, and switchyard machine start), or run one here: --workers ${owners[0]?.workerId}`,
  });
}

/** Variables of one planned instance, those that bind it to its GPU among them. */
export function instanceEnvironment(planned: PlannedWorker, gpus: readonly GpuFacts[]): Record<string, string> {
  const { device, binding, env } = planned;
  const bound = device && (binding === 'gpu' || binding === 'mock_gpu');
  return bound ? { ...deviceBinding(gpus.find(({ index }) => index === device.index)), ...env } : env;
}

function nothingToDo(catalog: Catalog, asked: AskedWork, planned: readonly PlannedWorker[]): ConfigError {
  if (asked.pool !== undefined && !catalog.pools.has(asked.pool)) servedRoutes(catalog, asked.pool, undefined);
  const queues = [...new Set(planned.flatMap((worker) => worker.queues.map(({ taskQueue }) => taskQueue)))];
  return refusal({
    name: 'WORKERS',
    problem: `has nothing for ${[asked.pool && `pool ${asked.pool}`, asked.capabilities?.join(', ')].filter(Boolean).join(' and ')}`,
    hint: `its queues are: ${queues.join(', ')}`,
  });
}

function refusal(problem: { name: string; problem: string; hint: string }): ConfigError {
  return new ConfigError('The worker cannot start', [problem]);
}
