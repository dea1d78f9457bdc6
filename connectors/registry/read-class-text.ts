import { readFile } from 'node:fs/promises';
import { serviceOfFile } from './find-sources.ts';

const CLASS = /^[ \t]*export\s+(?:default\s+)?class\s+(\w+Connector)\b/gm;
/** As bundlers write it: `export { A, b as BConnector }`. */
const EXPORT_LIST = /^[ \t]*export\s*\{([^}]*)\}/gm;
const SERVICE = /(?<![\w.])service_type\s*(?::[^=\n]+)?=\s*(['"`])([\w-]+)\1/;
const MANIFESTS = /^[ \t]*export\s+(?:const\s+manifests\b|\{[^}]*\bmanifests\b)/m;

/** What can be said of a single connector file without running it. */
export interface ClassText {
  className: string;
  service: string;
}

/**
 * Reads class names and `service_type` out of the text of a connector file, so that processes which only describe
 * services need not run it. Without a `service_type` in plain sight the file's name counts.
 * @returns `exportsManifests` when the file describes itself
 */
export async function readClassText(file: string): Promise<{ classes: ClassText[]; exportsManifests: boolean }> {
  const text = await readFile(file, 'utf8');
  const starts = [...text.matchAll(CLASS)];
  const classes = starts.map((match, index) => {
    const body = text.slice(match.index, starts[index + 1]?.index);
    return { className: match[1] as string, service: serviceIn(body) ?? serviceOfFile(file) };
  });
  for (const className of listedConnectors(text)) {
    classes.push({ className, service: serviceIn(text) ?? serviceOfFile(file) });
  }
  return { classes, exportsManifests: MANIFESTS.test(text) };
}

function serviceIn(text: string): string | undefined {
  return SERVICE.exec(text)?.[2];
}

function listedConnectors(text: string): string[] {
  const lists = [...text.matchAll(EXPORT_LIST)].flatMap((match) => (match[1] as string).split(','));
  const names = lists.map(
    (entry) =>
      entry
        .trim()
        .split(/\s+as\s+/)
        .at(-1) ?? '',
  );
  return names.filter((name) => /^\w+Connector$/.test(name));
}
