import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfiguredServices, ServiceManifest } from '../../contract/service-manifest.ts';
import { manifestsOf } from './check-manifest.ts';
import type { DiscoveryProblem } from './find-sources.ts';

/** A manifest that a file of the configuration folder describes. */
export interface ConfiguredManifest {
  manifest: ServiceManifest;
  file: string;
}

/**
 * The services that files of the configuration describe, by file name. A file that is no good is named among the
 * problems and spoils no other. A folder that is not there holds no services.
 * @param exported what a family's `manifest.ts` exports as `configured`, if anything
 */
export async function configuredManifests(
  exported: unknown,
  configDir: string | undefined,
  problems: DiscoveryProblem[],
): Promise<ConfiguredManifest[]> {
  if (configDir === undefined || !describesServices(exported)) return [];
  const folder = join(configDir, exported.folder);
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) => name.endsWith('.json'));
  const found: ConfiguredManifest[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const file = join(folder, name);
    try {
      const described = exported.manifestsOf(JSON.parse(await readFile(file, 'utf8')));
      const complain = (problem: string) => void problems.push({ file, problem });
      for (const manifest of manifestsOf(described, complain)) found.push({ manifest, file });
    } catch (error) {
      const { message } = error as Error;
      problems.push({ file, problem: error instanceof SyntaxError ? `is not JSON: ${message}` : message });
    }
  }
  return found;
}

function describesServices(exported: unknown): exported is ConfiguredServices {
  const { folder, manifestsOf: make } = (exported ?? {}) as Partial<ConfiguredServices>;
  return typeof folder === 'string' && typeof make === 'function';
}
