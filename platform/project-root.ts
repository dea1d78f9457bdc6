import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of Switchyard's own package.json, both for sources and for what is built into dist/.
 * @param from a file or URL to start at; default: this module
 * @throws Error when it lies in no checkout of Switchyard
 */
export function projectRoot(from: string = import.meta.url): string {
  const start = from.startsWith('file:') ? fileURLToPath(from) : from;
  for (let folder = dirname(start); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'switchyard')
      return folder;
    if (dirname(folder) === folder)
      throw new Error(`${start} lies in no checkout of Switchyard: no package.json named "switchyard" above it`);
  }
}
