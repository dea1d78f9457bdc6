import { basename, join } from 'node:path';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
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
  const poolsFile = join(configDir, 'pools.json');
  const mappingFile = join(configDir, 'service-mapping.json');
  const [pools, mapping] = bothOf(
    poolsFile,
    () => readConfigFile(poolsFile, poolsFileSchema, env).pools,
    mappingFile,
    () => readConfigFile(mappingFile, serviceMappingSchema, env),
  );
  return joinCatalog(mapping, new Map(Object.entries(pools)), manifests, mappingFile, off);
}

/** Reads two files; when both are wrong, both are told of. */
function bothOf<A, B>(oneFile: string, readOne: () => A, otherFile: string, readOther: () => B): [A, B] {
  let one: A;
  try {
    one = readOne();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    try {
      readOther();
    } catch (second) {
      if (second instanceof ConfigError)
        throw new ConfigError('The configuration is not valid', [
          ...placed(oneFile, error.problems),
          ...placed(otherFile, second.problems),
        ]);
    }
    throw error;
  }
  return [one, readOther()];
}

/** Keys of one file beside those of another one need its name. */
function placed(file: string, problems: ConfigProblem[]): ConfigProblem[] {
  return problems.map((problem) =>
    problem.name === file ? problem : { ...problem, name: `${basename(file)}: ${problem.name}` },
  );
}
