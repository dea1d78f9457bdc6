import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadSite } from '../../platform/config/load-site.ts';
import type { Config } from '../../platform/config/settings.ts';
import { findStack, type StackState } from '../stack/find-stack.ts';

/** The settings as the processes of a stack would read them. @throws ConfigError */
export function stackConfig(env: NodeJS.ProcessEnv, dataDir?: string): Config {
  const given = dataDir === undefined ? env : { ...env, SWITCHYARD_DATA_DIR: dataDir };
  return loadSite(given).config;
}

/**
 * Data directories that may belong to the stack meant, the likeliest first: the one given, else `.switchyard` of the
 * current folder, else the configured one of the project.
 * @throws ConfigError when none is given and the configuration is not valid
 */
export function candidateDataDirs(given: string | undefined, env: NodeJS.ProcessEnv, cwd: string): string[] {
  if (given !== undefined) return [resolve(cwd, given)];
  const fromEnv = env['SWITCHYARD_DATA_DIR'];
  // Processes of a stack take a relative one from the project; somebody in another folder may mean that one.
  if (fromEnv) return [...new Set([resolve(cwd, fromEnv), stackConfig(env).dataDir])];
  const here = join(cwd, '.switchyard');
  const configured = stackConfig(env).dataDir;
  return existsSync(here) && here !== configured ? [here, configured] : [configured];
}

/** The first of these directories that a running stack uses. */
export function runningStack(dataDirs: readonly string[]): StackState | undefined {
  for (const dataDir of dataDirs) {
    const stack = findStack(dataDir);
    if (stack) return stack;
  }
  return undefined;
}
