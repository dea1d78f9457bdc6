import { missingEnvVars } from '../../connectors/base/env-template.ts';
import type { DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import { ConfigError, type ConfigProblem } from '../../platform/config/config-error.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/**
 * Drops the routes whose connectors lack a required variable, saying so with every name at once.
 * @param strict the operator asked for these capabilities: lacking one is an error, not a remark
 * @throws ConfigError when `strict`, or when no route is left
 */
export async function withRequiredEnv(
  routes: CatalogRoute[],
  discovered: DiscoveredConnectors,
  env: NodeJS.ProcessEnv,
  logger: Logger,
  strict: boolean,
): Promise<CatalogRoute[]> {
  const problems: ConfigProblem[] = [];
  const usable: CatalogRoute[] = [];
  for (const route of routes) {
    const ConnectorClass = await discovered.connectors.get(route.connector)?.load();
    const declared = ConnectorClass?.getRequiredEnvVars?.() ?? {};
    const missing = missingEnvVars(declared, env, route.required_env ?? []);
    if (missing.length === 0) usable.push(route);
    for (const name of missing) {
      problems.push({
        name,
        problem: `is not set, ${route.connector} needs it for ${route.capability}`,
        hint: 'set it in the environment of this worker',
      });
    }
  }
  if (problems.length > 0 && (strict || usable.length === 0))
    throw new ConfigError('The worker cannot start', problems);
  for (const { name, problem } of problems) logger.info({ variable: name }, `${name} ${problem}: not serving it`);
  return usable;
}
