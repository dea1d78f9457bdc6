import { discoverConnectors } from '../../connectors/registry/discover-connectors.ts';
import { usageError } from '../cli-error.ts';
import { quietLogger } from '../quiet-logger.ts';
import type { ConnectorNames } from './names.ts';

/**
 * Refuses a name that a service or a connector has already, wherever it comes from: this checkout, an added folder, a
 * file of the configuration.
 * @throws CliError (usage)
 */
export async function checkTaken(
  dirs: readonly string[],
  configDir: string,
  { service, stem }: ConnectorNames,
): Promise<void> {
  const { manifests, connectors } = await discoverConnectors(dirs, quietLogger(), configDir);
  const other = 'Choose another name. Nothing was written.';
  if (manifests.some((manifest) => manifest.service === service)) {
    throw usageError(`there is a service "${service}" already`, other);
  }
  const found = connectors.get(`${stem}Connector`);
  if (found) throw usageError(`there is a class ${stem}Connector already, in ${found.file}`, other);
}
