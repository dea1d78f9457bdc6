import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

/**
 * Where the instances of a user are kept: `%APPDATA%/switchyard`, `~/Library/Application Support/switchyard`,
 * `$XDG_CONFIG_HOME/switchyard` or `~/.config/switchyard`. `SWITCHYARD_INSTANCES_DIR` names another folder.
 */
export function instancesFolder(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  const given = env['SWITCHYARD_INSTANCES_DIR'];
  const { join, resolve } = platform === 'win32' ? win32 : posix;
  if (given) return resolve(given);
  if (platform === 'win32') return join(env['APPDATA'] || join(home, 'AppData', 'Roaming'), 'switchyard');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'switchyard');
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'switchyard');
}
