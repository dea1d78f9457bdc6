import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginClass } from '../contract/plugin.ts';
import { importModule } from '../registry/import-module.ts';

const SINGLE = /^(.+)-plugin\.(ts|js|mjs)$/;
/** Built code looks for built files first, sources for sources. */
const EXTENSIONS = import.meta.url.endsWith('.ts') ? ['.ts', '.mjs', '.js'] : ['.js', '.mjs', '.ts'];

/**
 * Looks for plugins in folders: `<name>/plugin.ts` and `<name>-plugin.ts` (or `.js`, `.mjs`). The first of a name counts.
 * Loads nothing; a folder that does not exist holds none.
 */
export async function findPlugins(dirs: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const add = (name: string, file: string) => {
    if (!found.has(name)) found.set(name, file);
  };
  for (const dir of new Set(dirs)) {
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, entry.name);
      const single = SINGLE.exec(entry.name);
      if (single && !entry.isDirectory()) {
        const stem = join(dir, `${single[1] as string}-plugin`);
        add(single[1] as string, firstOf(stem) ?? path);
      } else if (entry.isDirectory() && !entry.name.startsWith('.')) {
        const file = firstOf(join(path, 'plugin'));
        if (file) add(entry.name, file);
      }
    }
  }
  return found;
}

function firstOf(stem: string): string | undefined {
  return EXTENSIONS.map((extension) => stem + extension).find((file) => existsSync(file));
}

/** @throws Error naming the file and what is wrong with it */
export async function loadPluginClass(file: string): Promise<PluginClass> {
  const exported = await importModule(file);
  const classes = Object.entries(exported).filter(
    ([key, value]) => isPluginClass(value) && (key === 'default' || key.endsWith('Plugin')),
  );
  const distinct = [...new Set(classes.map(([, value]) => value as PluginClass))];
  if (distinct.length === 1) return distinct[0] as PluginClass;
  const what = distinct.length === 0 ? 'no class whose name ends in Plugin and that has initialize()' : 'more than one';
  throw new Error(`${file} exports ${what}`);
}

function isPluginClass(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const prototype = value.prototype as { initialize?: unknown } | undefined;
  return typeof prototype?.initialize === 'function';
}
