import { join } from 'node:path';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import type { Catalog, CatalogRoute, CatalogService } from './catalog.ts';
import { poolsFileSchema, type Pool } from './pools.schema.ts';
import { readConfigFile } from './read-config-file.ts';
import { serviceMappingSchema, type ServiceMapping, type WorkerEntry } from './service-mapping.schema.ts';

/**
 * Reads `pools.json` and `service-mapping.json` and joins them with the manifests that were found.
 * @throws ConfigError naming every wrong key at once
 */
export function loadCatalog(configDir: string, manifests: ServiceManifest[], env: NodeJS.ProcessEnv): Catalog {
  const pools = new Map(Object.entries(readConfigFile(join(configDir, 'pools.json'), poolsFileSchema, env).pools));
  const mappingFile = join(configDir, 'service-mapping.json');
  const mapping = readConfigFile(mappingFile, serviceMappingSchema, env);
  return joinCatalog(mapping, pools, manifests, mappingFile);
}

/** The pure half of {@link loadCatalog}. */
export function joinCatalog(
  mapping: ServiceMapping,
  pools: ReadonlyMap<string, Pool>,
  manifests: ServiceManifest[],
  file = 'service-mapping.json',
): Catalog {
  const problems: ConfigProblem[] = [];
  const services = new Map<string, CatalogService>();
  const mapped = new Set<string>();
  for (const [workerId, worker] of Object.entries(mapping.workers)) {
    const workerPools = poolsOf(workerId, worker, pools, problems);
    worker.service.forEach((entry, index) => {
      const at = `workers.${workerId}.service.${index}`;
      if (!Object.hasOwn(mapping.connectors, entry.connector)) {
        problems.push({
          name: `${at}.connector`,
          problem: `"${entry.connector}" is not under connectors`,
          hint: `add "${entry.connector}": {} there, or use one of: ${Object.keys(mapping.connectors).join(', ')}`,
        });
      }
      for (const capability of [entry.capability].flat()) {
        const manifest =
          manifests.find((m) => m.service === capability && m.connectors.includes(entry.connector)) ??
          manifests.find((m) => m.connectors.includes(entry.connector));
        if (!manifest) {
          problems.push({
            name: `${at}.connector`,
            problem: `no connector class "${entry.connector}" was found`,
            hint: 'put its folder into connectors/, name its folder in SWITCHYARD_CONNECTOR_DIRS, or remove the entry',
          });
          continue;
        }
        mapped.add(manifest.service);
        const service = services.get(capability) ?? { name: capability, manifest, routes: [], type: entry.type };
        for (const pool of workerPools)
          service.routes.push(routeOf(pool, capability, entry.connector, workerId, worker, manifest));
        services.set(capability, service);
      }
    });
  }
  if (problems.length > 0) throw new ConfigError(`${file} is not valid`, problems);
  for (const manifest of manifests) {
    if (!mapped.has(manifest.service) && !services.has(manifest.service))
      services.set(manifest.service, unmappedService(manifest, pools));
  }
  return { services, pools };
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
      hint: `pools.json has: ${[...pools.keys()].join(', ')}`,
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
    required_env: [...worker.required_env, ...(manifest.required_env ?? [])],
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
