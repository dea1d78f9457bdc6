import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';
import type { Catalog, CatalogRoute, CatalogService } from './catalog.ts';
import { checkBindings } from './check-bindings.ts';
import type { Pool } from './pools.schema.ts';
import { chooseManifest } from './choose-manifest.ts';
import type { ServiceMapping, WorkerEntry } from './service-mapping.schema.ts';

/** What CONNECTORS leaves out: name → family. */
export interface SwitchedOff {
  /** By class name. */
  connectors: ReadonlyMap<string, string>;
  /** By service name. */
  services: ReadonlyMap<string, string>;
}

const NOTHING_OFF: SwitchedOff = { connectors: new Map(), services: new Map() };

/**
 * Joins mapping, pools and the manifests that were found.
 * @param file named in the error
 * @throws ConfigError naming every wrong key at once
 */
export function joinCatalog(
  mapping: ServiceMapping,
  pools: ReadonlyMap<string, Pool>,
  manifests: ServiceManifest[],
  file = 'service-mapping.json',
  off: SwitchedOff = NOTHING_OFF,
): Catalog {
  const problems: ConfigProblem[] = [];
  const services = new Map<string, CatalogService>();
  const switchedOff = new Map(off.services);
  const mapped = new Set<ServiceManifest>();
  const queues = new Map<string, string>();
  checkBindings(mapping, problems);
  for (const [workerId, worker] of Object.entries(mapping.workers)) {
    const workerPools = poolsOf(workerId, worker, pools, problems);
    worker.service.forEach((entry, index) => {
      const at = `workers.${workerId}.service.${index}`;
      if (!Object.hasOwn(mapping.connectors, entry.connector)) {
        problems.push({
          name: `${at}.connector`,
          problem: `"${entry.connector}" is not under connectors`,
          hint: `add "${entry.connector}": {} there; ${meant(entry.connector, Object.keys(mapping.connectors))}`,
        });
      }
      [entry.capability].flat().forEach((capability, position) => {
        const here = Array.isArray(entry.capability) ? `${at}.capability.${position}` : `${at}.capability`;
        const family = off.connectors.get(entry.connector);
        if (family !== undefined) {
          switchedOff.set(capability, family);
          return;
        }
        const manifest = chooseManifest(capability, entry.connector, manifests, { at, here }, problems);
        if (!manifest) return;
        mapped.add(manifest);
        const service = services.get(capability) ?? { name: capability, manifest, routes: [], type: entry.type };
        if (service.manifest !== manifest) {
          problems.push({
            name: here,
            problem: `"${capability}" is another kind of job here than for ${service.routes[0]?.worker_id}: ${entry.connector} and ${service.routes[0]?.connector} take different payloads`,
            hint: 'give one of the two another name',
          });
          return;
        }
        for (const pool of workerPools) {
          if (!claimQueue(queues, pool, capability, entry.connector, here, problems)) continue;
          service.routes.push(routeOf(pool, capability, entry.connector, workerId, worker, manifest));
        }
        services.set(capability, service);
      });
    });
  }
  if (problems.length > 0) throw new ConfigError(`${file} is not valid`, problems);
  for (const manifest of manifests) {
    if (!mapped.has(manifest) && !services.has(manifest.service))
      services.set(manifest.service, unmappedService(manifest, pools));
  }
  // What is served by a connector that is on is not off, whoever else might serve it.
  for (const name of services.keys()) switchedOff.delete(name);
  return {
    services,
    pools,
    workers: new Map(Object.entries(mapping.workers)),
    bindings: new Map(Object.entries(mapping.resource_bindings ?? {})),
    off: switchedOff,
  };
}

/** Two entries that fill the same queue by the same connector are one too many: which one's limits would hold? */
function claimQueue(
  queues: Map<string, string>,
  pool: string,
  capability: string,
  connector: string,
  here: string,
  problems: ConfigProblem[],
): boolean {
  const key = `${taskQueueOf(pool, capability)} by ${connector}`;
  const other = queues.get(key);
  if (other === undefined) {
    queues.set(key, here);
    return true;
  }
  const problem =
    other === here
      ? { name: `${here.split('.service.')[0]}.pools`, problem: `names ${pool} twice`, hint: 'name each pool once' }
      : {
          name: here,
          problem: `${connector} serves the queue ${taskQueueOf(pool, capability)} already, by ${other}`,
          hint: `remove one of the two, or give this one another capability or other pools; more of the same worker: WORKERS=name:2`,
        };
  problems.push(problem);
  return false;
}

function poolsOf(
  workerId: string,
  worker: WorkerEntry,
  pools: ReadonlyMap<string, Pool>,
  problems: ConfigProblem[],
): string[] {
  const named = worker.pools ?? [[...pools.keys()][0]!];
  return named.filter((pool, index) => {
    if (pools.has(pool)) return true;
    problems.push({
      name: `workers.${workerId}.pools.${index}`,
      problem: `there is no pool "${pool}"`,
      hint: `pools.json: ${meant(pool, [...pools.keys()])}`,
    });
    return false;
  });
}

function routeOf(
  pool: string,
  capability: string,
  connector: string,
  workerId: string,
  worker: WorkerEntry,
  manifest: ServiceManifest,
): CatalogRoute {
  return {
    pool,
    capability,
    connector,
    worker_id: workerId,
    max_concurrent_jobs: worker.max_concurrent_jobs,
    timeout_seconds: worker.timeout_seconds,
    models: worker.models,
    required_env: [...new Set([...worker.required_env, ...(manifest.required_env ?? [])])],
    ...(worker.api_config ? { api_config: worker.api_config } : {}),
  };
}

/** A connector dropped into the folder works at once, in the first pool, until the mapping says otherwise. */
function unmappedService(manifest: ServiceManifest, pools: ReadonlyMap<string, Pool>): CatalogService {
  const pool = [...pools.keys()][0]!;
  return {
    name: manifest.service,
    manifest,
    type: 'external',
    routes: manifest.connectors
      .slice(0, 1)
      .map((connector) => ({ pool, capability: manifest.service, connector, required_env: manifest.required_env })),
  };
}
