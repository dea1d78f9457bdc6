import { readFile, readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';

/** Something about a folder or file of connectors that keeps it from being used. */
export interface DiscoveryProblem {
  file: string;
  problem: string;
  hint?: string;
}

/** A place where connectors come from: a family folder, or one file. */
export interface ConnectorSource {
  kind: 'family' | 'file';
  /** What CONNECTORS and `.env.<name>` call it: the folder's name, or the file's without `-connector`. */
  name: string;
  /** Data-only description; a single file may do without. */
  manifestFile: string | undefined;
  connectorFile: string;
}

/** Folders of connectors/ that hold no family. */
const COMMONS = new Set(['contract', 'base', 'http', 'registry', 'plugins', 'node_modules']);
const SINGLE = /^(.+-connector)\.(?:ts|js|mjs)$/;
const EXPORTED_CLASS = /^[ \t]*export\s+(?:default\s+)?class\s+(\w+Connector)\b/m;
/** Built code looks for built files first, sources for sources. */
const EXTENSIONS = import.meta.url.endsWith('.ts') ? ['.ts', '.mjs', '.js'] : ['.js', '.mjs', '.ts'];

/** Looks for connectors in folders, in their order and then by name. Loads nothing. */
export async function findSources(
  dirs: readonly string[],
): Promise<{ sources: ConnectorSource[]; problems: DiscoveryProblem[] }> {
  const sources: ConnectorSource[] = [];
  const problems: DiscoveryProblem[] = [];
  for (const dir of new Set(dirs)) {
    try {
      await lookInto(dir, sources, problems);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      problems.push({
        file: dir,
        problem: code === 'ENOENT' ? 'there is no such folder' : `cannot be read: ${message}`,
        hint: 'mend SWITCHYARD_CONNECTOR_DIRS or create the folder',
      });
    }
  }
  return { sources, problems };
}

/** Names of the families in these folders: what CONNECTORS and `.env.<name>` may say. Loads nothing. */
export async function familyNames(dirs: readonly string[]): Promise<string[]> {
  const { sources } = await findSources(dirs);
  return [...new Set(sources.map(({ name }) => name))];
}

async function lookInto(dir: string, sources: ConnectorSource[], problems: DiscoveryProblem[]): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.map((entry) => entry.name);
  const singles = new Set(names.map((name) => SINGLE.exec(name)?.[1]).filter((stem) => stem !== undefined));
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isDirectory() || COMMONS.has(entry.name) || entry.name.startsWith('.')) continue;
    const family = join(dir, entry.name);
    const files = await readdir(family);
    // Git leaves emptied folders behind when a branch changes.
    if (!files.some((name) => EXTENSIONS.includes(extname(name)))) continue;
    const manifest = pick(files, 'manifest');
    const connector = pick(files, 'connector');
    if (manifest && connector) {
      sources.push({
        kind: 'family',
        name: entry.name,
        manifestFile: join(family, manifest),
        connectorFile: join(family, connector),
      });
      continue;
    }
    problems.push({
      file: family,
      problem: manifest ? 'has a manifest but no connector' : 'has no manifest',
      hint: manifest
        ? 'add connector.ts, which exports the class that manifest.ts names'
        : 'add manifest.ts, which exports `manifests`, or move the folder away',
    });
  }
  await complainOfNames(dir, names, problems);
  for (const stem of [...singles].toSorted((a, b) => (a < b ? -1 : 1))) {
    const connector = pick(names, stem);
    const manifest = pick(names, `${stem}.manifest`);
    if (!connector) continue;
    sources.push({
      kind: 'file',
      name: serviceOfFile(connector),
      manifestFile: manifest && join(dir, manifest),
      connectorFile: join(dir, connector),
    });
  }
}

/** A connector in a file of another name would be passed over without a word. */
async function complainOfNames(dir: string, names: readonly string[], problems: DiscoveryProblem[]): Promise<void> {
  for (const name of names) {
    if (!/^[^.]+\.(?:ts|js|mjs)$/.test(name) || SINGLE.test(name)) continue;
    const file = join(dir, name);
    const className = EXPORTED_CLASS.exec(await readFile(file, 'utf8').catch(() => ''))?.[1];
    if (className) {
      problems.push({
        file,
        problem: `holds ${className}, but is not looked into for its name`,
        hint: `rename it to ${basename(name, extname(name))}-connector${extname(name)}`,
      });
    }
  }
}

function pick(names: readonly string[], stem: string): string | undefined {
  return EXTENSIONS.map((extension) => stem + extension).find((name) => names.includes(name));
}

/** `my-service-connector.ts` → `my-service`: what a file without further words serves. */
export function serviceOfFile(file: string): string {
  return basename(file, extname(file)).replace(/-connector$/, '');
}
