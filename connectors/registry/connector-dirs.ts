import { fileURLToPath } from 'node:url';

/**
 * Where connectors are looked for: the built-in folder, beside the running code, then those that the operator adds.
 * @param added absolute paths (`SWITCHYARD_CONNECTOR_DIRS`)
 */
export function connectorDirs(added: readonly string[]): string[] {
  return [fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, ''), ...added];
}
