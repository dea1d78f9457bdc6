import type { FieldError } from '../../contract/errors.ts';

const MAX_DEPTH = 32;
const MAX_NODES = 50_000;

/** Appends a segment to a JSON pointer (RFC 6901). */
export function pointerTo(base: string, segment: PropertyKey): string {
  return `${base}/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * Refuses what no schema sees: nesting that would exhaust a stack, key names that reach prototypes.
 * `JSON.parse` makes `__proto__` an own property, so it can be found here.
 */
export function checkShape(document: unknown): FieldError | undefined {
  const stack: { value: unknown; pointer: string; depth: number }[] = [{ value: document, pointer: '', depth: 0 }];
  let nodes = 0;
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    if (typeof entry.value !== 'object' || entry.value === null) continue;
    if (entry.depth > MAX_DEPTH) {
      return {
        pointer: entry.pointer.slice(0, 200),
        detail: `is nested more than ${MAX_DEPTH} levels deep`,
        hint: 'flatten it, or send it as an input file',
      };
    }
    for (const key of Object.keys(entry.value)) {
      if (key === '__proto__') {
        return {
          pointer: pointerTo(entry.pointer, key),
          detail: 'is a field name that is never taken',
          hint: 'remove it',
        };
      }
      if (++nodes > MAX_NODES) {
        return { pointer: '', detail: `has more than ${MAX_NODES} values`, hint: 'send large data as an input file' };
      }
      stack.push({
        value: (entry.value as Record<string, unknown>)[key],
        pointer: pointerTo(entry.pointer, key),
        depth: entry.depth + 1,
      });
    }
  }
  return undefined;
}
