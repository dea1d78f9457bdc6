import { join } from 'node:path';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { Catalog } from './catalog.ts';
import { joinCatalog, type SwitchedOff } from './join-catalog.ts';
import { poolsFileSchema } from './pools.schema.ts';
import { readConfigFile } from './read-config-file.ts';
import { serviceMappingSchema } from './service-mapping.schema.ts';

/**
 * Reads `pools.json` and `service-mapping.json` and joins them with the manifests that were found.
 * @param off connectors that are there and not wanted
 * @throws ConfigError naming every wrong key at once
 */
export function loadCatalog(
  configDir: string,
  manifests: ServiceManifest[],
  env: NodeJS.ProcessEnv,
  off?: SwitchedOff,
): Catalog {
  const pools = new Map(Object.entries(readConfigFile(join(configDir, 'pools.json'), poolsFileSchema, env).pools));
  const mappingFile = join(configDir, 'service-mapping.json');
  const mapping = readConfigFile(mappingFile, serviceMappingSchema, env);
  return joinCatalog(mapping, pools, manifests, mappingFile, off);
}
