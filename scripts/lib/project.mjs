import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout these scripts belong to. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const dist = join(root, 'dist');
/** Set-up state that belongs to the installed packages: it vanishes with them. */
export const setupState = join(root, 'node_modules', '.switchyard');

/** @param {string} path relative to the checkout */
export function has(path) {
  return existsSync(join(root, path));
}

/** Whether a script was started itself, and not imported by another. @param {string} url its import.meta.url */
export function isMain(url) {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(fileURLToPath(url));
}
