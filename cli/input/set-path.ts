import { usageError } from '../cli-error.ts';
import { parseScalar } from './scalar.ts';

type Segment = { key: string } | { index: number | 'append' };

/** Splits `name=value` at the first `=`. @throws CliError when there is none or no name */
export function splitAssignment(text: string, option: string, form: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`${option} ${text}: must have the form ${form}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Applies `path=value` to a document. Dots go into objects (`size.width=64`), brackets into lists (`loras[0].name=x`,
 * `tags[]=new` appends); a number between dots is a list's place only where there is a list already, so that the node
 * ids of a ComfyUI graph stay names. `\.` is a dot within a name.
 * @throws CliError naming the part of the path that cannot be meant
 */
export function setPath(document: Record<string, unknown>, assignment: string, option = '--set'): void {
  const [path, text] = splitAssignment(assignment, option, 'path=value, e.g. --set scale=4');
  const value = parseScalar(text, `${option} ${path}`);
  const segments = parsePath(path, option);
  let container: Record<string, unknown> | unknown[] = document;
  segments.forEach((segment, position) => {
    const last = position === segments.length - 1;
    const key = place(container, segment, path, option);
    const holder = container as Record<string | number, unknown>;
    if (last) {
      holder[key] = value;
      return;
    }
    const next = segments[position + 1] as Segment;
    if (!Object.hasOwn(holder, key) || holder[key] === undefined) holder[key] = 'index' in next ? [] : {};
    const inner = holder[key];
    if (typeof inner !== 'object' || inner === null) {
      throw usageError(`${option} ${path}: ${JSON.stringify(inner)} stands where something is to be set inside`);
    }
    container = inner as Record<string, unknown> | unknown[];
  });
}

function place(
  container: Record<string, unknown> | unknown[],
  segment: Segment,
  path: string,
  option: string,
): string | number {
  if (!Array.isArray(container)) {
    if ('key' in segment) return segment.key;
    throw usageError(`${option} ${path}: [${String(segment.index)}] needs a list, but there is an object`);
  }
  const index = 'index' in segment ? segment.index : /^\d+$/.test(segment.key) ? Number(segment.key) : undefined;
  if (index === undefined) {
    throw usageError(
      `${option} ${path}: there is a list, so "${'key' in segment ? segment.key : ''}" must be a number`,
    );
  }
  if (index === 'append' || index === container.length) return container.length;
  if (index < container.length) return index;
  throw usageError(`${option} ${path}: the list has ${container.length} entries, so [${index}] would leave a gap`);
}

function parsePath(path: string, option: string): Segment[] {
  const segments: Segment[] = [];
  const token = /(?:^|\.)((?:\\.|[^.[\]\\])+)|\[(\d{0,6})\]/y;
  while (token.lastIndex < path.length) {
    const match = token.exec(path);
    if (!match) {
      throw usageError(
        `${option} ${path}: is not a path`,
        'Write names with dots and list places in brackets: a.b[0].c',
      );
    }
    if (match[1] === undefined) segments.push({ index: match[2] ? Number(match[2]) : 'append' });
    else {
      const key = match[1].replace(/\\(.)/g, '$1');
      if (key === '__proto__') throw usageError(`${option} ${path}: "${key}" is a name that is never taken`);
      segments.push({ key });
    }
  }
  if (segments[0] && 'index' in segments[0]) throw usageError(`${option} ${path}: must begin with a name`);
  return segments;
}
