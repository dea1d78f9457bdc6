import { basename } from 'node:path';
import { ConnectorError } from '../../contract/connector-error.ts';

/** A custom node: a git repository that ComfyUI loads from its `custom_nodes` folder. */
export interface CustomNode {
  /** `https://…`, or `file://…` for a repository on this machine. */
  url: string;
  /** Branch, tag or commit; default: what the repository has checked out by default. */
  ref?: string;
  /** Folder name; default: the repository's. */
  name?: string;
}

export interface CustomNodeResult {
  name: string;
  /** Without credentials. */
  url: string;
  /** `unchanged`: it was there, at that commit, with its packages. */
  status: 'installed' | 'updated' | 'unchanged' | 'failed';
  commit?: string;
  error?: string;
  /** What whoever installs it should know, e.g. that it has an `install.py` of its own. */
  note?: string;
  duration_ms: number;
}

const NAME = /^\w[\w.-]{0,99}$/;
const REF = /^\w[\w./-]{0,199}$/;
const LINE = /^([a-z][a-z0-9+.-]*:\/\/[^/\s]*\/[^@\s]+)(?:@(\S+))?(?:\s+(\S+))?$/i;

/** The folder a node goes into. */
export function folderOf({ name, url }: CustomNode): string {
  return name ?? basename(url.replace(/[?#].*$/, '').replace(/\/+$/, '')).replace(/\.git$/, '');
}

/** @returns why it cannot be installed, whatever the network says */
export function problemOf(node: CustomNode): string | undefined {
  const { url, ref } = node;
  const name = folderOf(node);
  if (!/^(?:https|file):\/\/./.test(url)) return `${JSON.stringify(withoutCredentials(url))} is no https:// address`;
  // A name that begins with a dot is passed over by ComfyUI, and by us as unfinished.
  if (!NAME.test(name)) return `"${name}" is no folder name; give the node a name`;
  if (ref !== undefined && (!REF.test(ref) || ref.includes('..'))) return `"${ref}" is no branch, tag or commit`;
  return undefined;
}

/**
 * Reads a list of nodes. JSON: a list of addresses or of `{url, ref, name}`. Otherwise lines of
 * `ADDRESS[@REF] [NAME]`; what follows `#` at the start of a line or after a blank is a remark.
 * @throws ConnectorError `validation` naming the entry or line
 */
export function readNodeList(text: string): CustomNode[] {
  if (/^\s*\[/.test(text)) return readJson(text);
  return text.split(/\r?\n/).flatMap((whole, index) => {
    const line = whole.replace(/(?:^|\s)#.*$/, '').trim();
    if (line === '') return [];
    const [, url, ref, name] = LINE.exec(line) ?? [];
    if (url === undefined) {
      throw new ConnectorError(
        'validation',
        `Line ${index + 1} of the list is no node: ${JSON.stringify(withoutCredentials(line.slice(0, 100)))}; write ADDRESS[@REF] [NAME]`,
      );
    }
    return [{ url, ...(ref === undefined ? {} : { ref }), ...(name === undefined ? {} : { name }) }];
  });
}

function readJson(text: string): CustomNode[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new ConnectorError('validation', `The list of nodes is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return (list as unknown[]).map((entry, index): CustomNode => {
    if (typeof entry === 'string') return readNodeList(entry)[0] ?? { url: entry };
    const { url, ref, name, ...rest } = (entry ?? {}) as Record<string, unknown>;
    const texts = [url, ref ?? '', name ?? ''].every((value) => typeof value === 'string');
    const foreign = Object.keys(rest);
    if (texts && foreign.length === 0) return { url, ref, name } as CustomNode;
    const problem = texts ? `has ${foreign.join(', ')}, which means nothing here` : 'is no address';
    throw new ConnectorError('validation', `Entry ${index} of the list ${problem}; write {"url", "ref", "name"}`);
  });
}

/** @throws ConnectorError `validation` for two nodes of one folder, also where letters differ in case only */
export function refuseTwins(nodes: readonly CustomNode[]): void {
  const seen = new Set<string>();
  for (const node of nodes) {
    const name = folderOf(node).toLowerCase();
    if (seen.has(name))
      throw new ConnectorError(
        'validation',
        `Two custom nodes are called "${folderOf(node)}"; give one of them a name`,
      );
    seen.add(name);
  }
}

export function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]+@/g, '$1');
}
