import { ConnectorError } from '../../contract/connector-error.ts';

/** Of `comfyui_instances.json`, and of what an export holds. */
export const CONFIG_VERSION = '1.0';

/**
 * @returns whether a document may be read
 * @throws ConnectorError `conflict` when a newer Switchyard has written it: reading it could lose what it knows more
 */
export function checkVersion(version: unknown, what: string): boolean {
  if (typeof version !== 'string' || !/^\d{1,4}(?:\.\d{1,4})?$/.test(version)) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = CONFIG_VERSION.split('.').map(Number);
  if (major > ownMajor || (major === ownMajor && minor > ownMinor)) {
    throw new ConnectorError(
      'conflict',
      `${what} is of version ${version}, and this Switchyard knows up to ${CONFIG_VERSION}: update Switchyard, or move it away. Nothing was changed`,
    );
  }
  return true;
}
