import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../platform/config/load-config.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { expandEnv, missingEnvVars } from '../base/env-template.ts';
import { configured } from './manifest.ts';
import { problemsOf, type RestService, serviceSchema, variablesOf } from './service.schema.ts';

/** A service file as this process can use it, or why it cannot. */
export type LoadedService = { name: string; file: string } & (
  | { service: RestService; problem?: undefined }
  | { service?: undefined; problem: string }
);

/** Where this process's service files are. */
export function serviceFolder(env: NodeJS.ProcessEnv): string {
  const { config } = loadConfig(env, env['SWITCHYARD_HOME'] ?? projectRoot());
  return join(config.configDir, configured.folder);
}

/**
 * Reads the service files of a folder with the variables of the environment put in. One that is no good is returned
 * with its problem: all missing variables at once, or every wrong field.
 */
export async function loadServices(folder: string, env: NodeJS.ProcessEnv): Promise<LoadedService[]> {
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) => name.endsWith('.json'));
  const loaded: LoadedService[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    loaded.push(...parseService(text, file, env));
  }
  return loaded;
}

function parseService(text: string, file: string, env: NodeJS.ProcessEnv): LoadedService[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return [{ name: file, file, problem: `is not JSON: ${(error as Error).message}` }];
  }
  const { service = file, aliases = [] } = (document ?? {}) as { service?: string; aliases?: string[] };
  const all = (entry: { service: RestService } | { problem: string }) =>
    [service, ...aliases].map((name) => ({ name, file, ...entry }));
  const missing = missingEnvVars({}, env, variablesOf(document));
  if (missing.length > 0) return all({ problem: `needs the variables ${missing.join(', ')}, which are not set` });
  const parsed = serviceSchema.safeParse(expandEnv(document, env));
  return all(parsed.success ? { service: parsed.data } : { problem: problemsOf(parsed.error) });
}
