import { missingEnvVars } from '../../connectors/base/env-template.ts';
import type { DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import { ConfigError, type ConfigProblem } from '../../platform/config/config-error.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { unservedRoutes } from './one-per-queue.ts';

/** A variable that nobody has set, and who cannot work without it. */
export interface MissingVariable {
  variable: string;
  /** Names in the mapping, or classes of connectors it does not map. */
  workers: string[];
  capabilities: string[];
  /** Connector families; with one of them the variable has a file of its own. */
  families: string[];
}

/** Where variables are looked for, as {@link withRequiredEnv} needs it. */
export interface EnvSources {
  discovered: Pick<DiscoveredConnectors, 'connectors'>;
  env: NodeJS.ProcessEnv;
  /** Folder of the `.env` files. */
  folder: string;
}

/** What these routes lack, each variable once, and the routes that lack nothing. */
export async function findMissingEnv(
  routes: readonly CatalogRoute[],
  { discovered, env }: EnvSources,
): Promise<{ usable: CatalogRoute[]; missing: MissingVariable[] }> {
  const found = new Map<string, MissingVariable>();
  const usable: CatalogRoute[] = [];
  for (const route of routes) {
    const connector = discovered.connectors.get(route.connector);
    const ConnectorClass = await connector?.load();
    const declared = ConnectorClass?.getRequiredEnvVars?.() ?? {};
    const missing = missingEnvVars(declared, env, route.required_env ?? []);
    if (missing.length === 0) usable.push(route);
    for (const variable of missing) {
      const entry = found.get(variable) ?? { variable, workers: [], capabilities: [], families: [] };
      addOnce(entry.workers, route.worker_id ?? route.connector);
      addOnce(entry.capabilities, route.capability);
      if (connector) addOnce(entry.families, connector.family);
      found.set(variable, entry);
    }
  }
  return { usable, missing: [...found.values()] };
}

/**
 * As {@link findMissingEnv}, but nobody has to set up all the ways in which a queue could be served: only what the
 * preferred worker of a queue lacks that none can serve.
 */
export async function findUnserved(
  routes: readonly CatalogRoute[],
  sources: EnvSources,
): Promise<{ usable: CatalogRoute[]; missing: MissingVariable[] }> {
  const { usable } = await findMissingEnv(routes, sources);
  return { usable, missing: (await findMissingEnv(unservedRoutes(routes, usable), sources)).missing };
}

/** One problem for each variable: all workers that need it, and the file to put it in. */
export function missingProblems(missing: readonly MissingVariable[], folder: string): ConfigProblem[] {
  return missing.map(({ variable, workers, capabilities, families }) => ({
    name: variable,
    problem: `is not set; ${workers.join(', ')} (${capabilities.join(', ')}) cannot work without it`,
    hint: `write ${variable}=… into ${folder}/${families.length === 1 ? `.env.${families[0]}.local` : '.env.local'}, or set it in the environment`,
  }));
}

/** What must lack no variable: nothing, each queue by one of the workers that could serve it, each worker. */
export type Demand = false | 'queues' | true;

/**
 * Drops the routes whose connectors lack a required variable, saying so with every name at once.
 * @param strict what the operator asked for by name: lacking a variable is an error then, not a remark
 * @throws ConfigError when something lacks that was asked for, or when no route is left
 */
export async function withRequiredEnv(
  routes: readonly CatalogRoute[],
  sources: EnvSources,
  logger: Logger,
  strict: Demand,
): Promise<CatalogRoute[]> {
  const { usable, missing } = await (strict === true ? findMissingEnv : findUnserved)(routes, sources);
  if (missing.length > 0 && (strict || usable.length === 0)) {
    throw new ConfigError('The worker cannot start', missingProblems(missing, sources.folder));
  }
  for (const { variable, workers, capabilities } of missing) {
    logger.info({ variable, workers, capabilities }, `${variable} is not set: not serving ${capabilities.join(', ')}`);
  }
  return usable;
}

function addOnce(list: string[], value: string): void {
  if (!list.includes(value)) list.push(value);
}
