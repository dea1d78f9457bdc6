import { join } from 'node:path';
import { loadPlugins } from '../../connectors/plugins/load-plugins.ts';
import { PluginHost } from '../../connectors/plugins/plugin-host.ts';
import type { ProcessBase } from '../process/load-process.ts';

/**
 * The plugins that `plugins.json` asks for; undefined when it asks for none.
 * @throws ConfigError naming everything that is wrong with it at once
 */
export async function createPlugins(base: ProcessBase, env: NodeJS.ProcessEnv): Promise<PluginHost | undefined> {
  const { config, catalog, discovered, logger } = base;
  const dirs = [
    new URL('../../connectors/plugins', import.meta.url).pathname,
    ...config.connectorDirs.map((dir) => join(dir, 'plugins')),
    ...config.pluginDirs,
  ];
  const known = { services: [...catalog.services.keys()], connectors: [...discovered.connectors.keys()] };
  const plugins = await loadPlugins({ configDir: config.configDir, dirs, env, known });
  if (plugins.length === 0) return undefined;
  logger.info({ plugins: plugins.map(({ name }) => name) }, 'plugins chosen');
  return new PluginHost(plugins, config.dataDir, logger);
}
