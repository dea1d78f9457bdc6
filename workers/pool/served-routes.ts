import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import { ConfigError } from '../../platform/config/config-error.ts';

/**
 * The routes a worker of this pool serves.
 * @param capabilities undefined: all of the pool
 * @returns several for a queue that more than one connector could serve
 * @throws ConfigError for a pool or capability that the configuration does not have
 */
export function servedRoutes(catalog: Catalog, pool: string, capabilities: string[] | undefined): CatalogRoute[] {
  if (!catalog.pools.has(pool)) {
    throw new ConfigError('The worker cannot start', [
      {
        name: '--pool',
        problem: `there is no pool "${pool}"`,
        hint: `pools.json has: ${[...catalog.pools.keys()].join(', ')}`,
      },
    ]);
  }
  const all = [...catalog.services.values()]
    .flatMap((service) => service.routes)
    .filter((route) => route.pool === pool);
  const unknown = (capabilities ?? []).filter((name) => !all.some((route) => route.capability === name));
  if (unknown.length > 0) {
    const names = [...new Set(all.map((route) => route.capability))].join(', ') || 'none';
    throw new ConfigError(
      'The worker cannot start',
      unknown.map((name) => ({
        name: '--capabilities',
        problem: `pool ${pool} has no capability "${name}"`,
        hint: hintFor(name, catalog) ?? `service-mapping.json gives it: ${names}`,
      })),
    );
  }
  return capabilities ? all.filter((route) => capabilities.includes(route.capability)) : all;
}

function hintFor(capability: string, { off }: Catalog): string | undefined {
  const family = off.get(capability);
  return family === undefined ? undefined : `it is off here: add ${family} to CONNECTORS`;
}
