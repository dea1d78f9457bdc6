import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { SETTINGS, type Config, type SettingName } from './settings.ts';

export type ConfigOrigin = 'environment' | 'file' | 'default';

export interface LoadedConfig {
  config: Config;
  origins: Record<SettingName, ConfigOrigin>;
  /** The configuration file that was read, if there is one. */
  file?: string;
}

const PATHS: readonly SettingName[] = ['dataDir', 'configDir', 'servicesDir', 'temporalBinary'];
const PATH_LISTS: readonly SettingName[] = ['connectorDirs', 'pluginDirs', 'serviceRoots', 'inputRoots'];

/**
 * Environment > `switchyard.config.json` (or the file `SWITCHYARD_CONFIG` names) > defaults. Paths become absolute,
 * relative to `cwd`.
 * @throws ConfigError naming every bad value at once, with where it came from
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): LoadedConfig {
  const problems: ConfigProblem[] = [];
  const file = configFile(env, cwd, problems);
  const config: Record<string, unknown> = {};
  const origins = {} as Record<SettingName, ConfigOrigin>;
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const definition = SETTINGS[name];
    const fromEnv = env[definition.env];
    const fromFile = file?.values[name];
    const origin: ConfigOrigin =
      fromEnv !== undefined && fromEnv !== '' ? 'environment' : fromFile !== undefined ? 'file' : 'default';
    const raw = origin === 'environment' ? fromEnv : origin === 'file' ? fromFile : definition.default;
    const parsed = definition.schema.safeParse(raw);
    origins[name] = origin;
    if (parsed.success) config[name] = absolute(name, parsed.data, cwd);
    else {
      problems.push({
        name: origin === 'file' ? `${name} (${file?.path})` : definition.env,
        problem: parsed.error.issues.map((issue) => issue.message).join('; '),
        hint: `${definition.description}${definition.default === undefined ? '' : ` (default ${definition.default})`}`,
      });
    }
  }
  if (problems.length > 0) throw new ConfigError('The configuration is not valid', problems);
  return { config: config as Config, origins, ...(file ? { file: file.path } : {}) };
}

function absolute(name: SettingName, value: unknown, cwd: string): unknown {
  if (PATHS.includes(name) && typeof value === 'string') return resolve(cwd, value);
  if (PATH_LISTS.includes(name) && Array.isArray(value)) return value.map((entry) => resolve(cwd, String(entry)));
  return value;
}

function configFile(env: NodeJS.ProcessEnv, cwd: string, problems: ConfigProblem[]) {
  const named = env['SWITCHYARD_CONFIG'];
  const path = resolve(cwd, named ?? 'switchyard.config.json');
  if (!existsSync(path)) {
    if (named)
      problems.push({
        name: 'SWITCHYARD_CONFIG',
        problem: `there is no file ${path}`,
        hint: 'name an existing file or unset it',
      });
    return undefined;
  }
  let values: unknown;
  try {
    values = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    problems.push({ name: path, problem: `is not JSON: ${(error as Error).message}`, hint: 'mend the file' });
    return undefined;
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    problems.push({ name: path, problem: 'is not a JSON object', hint: 'write {"port": 8400, …}' });
    return undefined;
  }
  for (const key of Object.keys(values)) {
    if (key !== '$schema' && !Object.hasOwn(SETTINGS, key)) {
      problems.push({
        name: `${key} (${path})`,
        problem: 'is not a setting',
        hint: `settings are: ${Object.keys(SETTINGS).join(', ')}`,
      });
    }
  }
  return { path, values: values as Record<string, unknown> };
}
