import { join } from 'node:path';
import { poolsFileSchema } from '../../platform/catalog/pools.schema.ts';
import { readConfigFile } from '../../platform/catalog/read-config-file.ts';
import type { Config } from '../../platform/config/settings.ts';

/**
 * Names of the configured pools: `fixed` ones get a worker process each, those of `scaled` ones are the scaler's.
 * @throws ConfigError
 */
export function configuredPools(configDir: string, env: NodeJS.ProcessEnv): { fixed: string[]; scaled: string[] } {
  const pools = Object.entries(readConfigFile(join(configDir, 'pools.json'), poolsFileSchema, env).pools);
  const names = (scales: boolean) =>
    pools.flatMap(([name, { scaling }]) => ((scaling !== undefined) === scales ? [name] : []));
  return { fixed: names(false), scaled: names(true) };
}

export interface ChildEnvironment {
  config: Config;
  env: NodeJS.ProcessEnv;
  /** Port the API is to take. */
  apiPort: number;
  temporal: { address: string; uiUrl: string | undefined; embedded: boolean };
}

/** What the children's environment says on top of ours: everything the supervisor found out or chose. */
export function childEnvironment({ config, env, apiPort, temporal }: ChildEnvironment): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = {
    ...env,
    SWITCHYARD_DATA_DIR: config.dataDir,
    SWITCHYARD_CONFIG_DIR: config.configDir,
    SWITCHYARD_PORT: String(apiPort),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: config.temporalNamespace,
  };
  if (temporal.uiUrl) child['SWITCHYARD_TEMPORAL_UI_URL'] = temporal.uiUrl;
  if (temporal.embedded) {
    // Credentials for a cluster must not go to a server that speaks plain text. Empty, it hides one in a .env file too.
    child['TEMPORAL_TLS'] = 'false';
    child['TEMPORAL_API_KEY'] = '';
  }
  return child;
}
