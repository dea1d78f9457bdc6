import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfigFile } from '../../platform/catalog/read-config-file.ts';
import { ConfigError, type ConfigProblem } from '../../platform/config/config-error.ts';
import type { ConnectorPlugin, PluginClass } from '../contract/plugin.ts';
import { findPlugins, loadPluginClass } from './find-plugins.ts';
import { pluginsFileSchema, type PluginEntry } from './plugins.schema.ts';

/** One use of a plugin, ready to be made for a connector. */
export interface ConfiguredPlugin {
  readonly name: string;
  readonly onFailure: 'fail' | 'warn';
  /** Longest run of one hook. Milliseconds. */
  readonly timeoutMs: number;
  /** @throws whatever its constructor throws */
  create(): ConnectorPlugin;
  /** Whether it belongs to that class of connectors. */
  servesConnector(className: string): boolean;
  servesService(service: string): boolean;
}

export interface LoadPluginsOptions {
  /** Where plugins.json lies; without the file there are no plugins. */
  configDir: string;
  /** Where plugins lie. */
  dirs: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Names that `services` and `connectors` may hold; undefined: not checked. */
  known?: { services: readonly string[]; connectors: readonly string[] };
}

/**
 * Reads `plugins.json`, finds the plugins and checks their options.
 * @throws ConfigError naming every wrong key, missing plugin and wrong option at once
 */
export async function loadPlugins(options: LoadPluginsOptions): Promise<ConfiguredPlugin[]> {
  const file = join(options.configDir, 'plugins.json');
  if (!existsSync(file)) return [];
  const { plugins } = readConfigFile(file, pluginsFileSchema, options.env);
  const files = await findPlugins(options.dirs);
  const problems: ConfigProblem[] = [];
  const configured: ConfiguredPlugin[] = [];
  const names = new Set<string>();
  for (const [index, entry] of plugins.entries()) {
    const at = `plugins.${index}`;
    const name = entry.name ?? entry.plugin;
    if (names.has(name)) {
      problems.push({ name: at, problem: `there are two plugins "${name}"`, hint: 'give one of them another "name"' });
    }
    names.add(name);
    problems.push(...unknownNames(at, entry, options.known));
    const PluginClass = await classOf(entry.plugin, files, at, problems, options.dirs);
    if (!PluginClass) continue;
    const checked = await checkOptions(PluginClass, entry, at, problems);
    if (checked && entry.enabled) configured.push(configure(name, entry, PluginClass, checked.value));
  }
  if (problems.length > 0) throw new ConfigError(`${file} is not valid`, problems);
  return configured;
}

function configure(name: string, entry: PluginEntry, PluginClass: PluginClass, value: unknown): ConfiguredPlugin {
  const { services, connectors } = entry;
  return {
    name,
    onFailure: entry.on_failure,
    timeoutMs: entry.timeout,
    create: () => new PluginClass(structuredClone(value) as never),
    servesConnector: (className) => connectors?.includes(className) ?? true,
    servesService: (service) => services?.some((pattern) => fits(pattern, service)) ?? true,
  };
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** A guard that is never called for a typing mistake is worse than a worker that does not start. */
function unknownNames(at: string, entry: PluginEntry, known: LoadPluginsOptions['known']): ConfigProblem[] {
  const check = (key: 'services' | 'connectors') =>
    (entry[key] ?? []).flatMap((pattern, index) =>
      !known || known[key].some((name) => fits(key === 'services' ? pattern : pattern.replace(/\*$/, ''), name))
        ? []
        : [
            {
              name: `${at}.${key}.${index}`,
              problem: `there is no ${key.slice(0, -1)} "${pattern}"`,
              hint: `there are: ${known[key].join(', ')}`,
            },
          ],
    );
  return [...check('services'), ...check('connectors')];
}

async function classOf(
  plugin: string,
  files: ReadonlyMap<string, string>,
  at: string,
  problems: ConfigProblem[],
  dirs: readonly string[],
): Promise<PluginClass | undefined> {
  const file = files.get(plugin);
  const known = `found: ${[...files.keys()].join(', ') || 'none'}; looked in ${dirs.join(', ')}`;
  if (!file) {
    problems.push({
      name: `${at}.plugin`,
      problem: `there is no plugin "${plugin}"`,
      hint: `${known} (SWITCHYARD_PLUGIN_DIRS names more folders)`,
    });
    return undefined;
  }
  try {
    return await loadPluginClass(file);
  } catch (error) {
    problems.push({
      name: `${at}.plugin`,
      problem: `the plugin "${plugin}" cannot be used: ${(error as Error).message}`,
    });
    return undefined;
  }
}

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[];
}

async function checkOptions(
  PluginClass: PluginClass,
  entry: PluginEntry,
  at: string,
  problems: ConfigProblem[],
): Promise<{ value: unknown } | undefined> {
  const refuse = (path: string, problem: string) => {
    problems.push({
      name: [at, 'options', path].filter(Boolean).join('.'),
      problem: `${problem} (plugin "${entry.plugin}")`,
    });
    return undefined;
  };
  if (!PluginClass.options) {
    if (Object.keys(entry.options).length === 0) return { value: entry.options };
    return refuse('', 'the plugin takes no options');
  }
  try {
    const { issues, value } = (await PluginClass.options['~standard'].validate(entry.options)) as {
      issues?: readonly Issue[];
      value?: unknown;
    };
    if (!issues) return { value };
    for (const issue of issues) refuse(pathOf(issue), issue.message);
  } catch (error) {
    refuse('', `its schema failed: ${(error as Error).message}`);
  }
  return undefined;
}

function pathOf({ path }: Issue): string {
  return (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}
