import { pointerTo } from '../../../platform/routing/check-shape.ts';

/** Deeper JSON than this is left as it is. */
const DEEPEST = 100;

/** Where a text stands. */
export interface TextPlace {
  text: string;
  /** JSON pointer. */
  pointer: string;
  /** Name of the field; undefined in a list. */
  field: string | undefined;
  /** The object it is a field of. */
  parent: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The same JSON with its texts changed, one after the other; numbers in long lists cost nothing.
 * @param pointer of the root
 */
export async function mapTexts(
  value: unknown,
  pointer: string,
  change: (place: TextPlace) => Promise<unknown>,
  place: Partial<TextPlace> = {},
  depth = 0,
): Promise<unknown> {
  if (typeof value === 'string') {
    return change({ text: value, pointer, field: place.field, parent: place.parent });
  }
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (const [index, each] of value.entries()) {
      const plain = typeof each !== 'string' && (typeof each !== 'object' || each === null);
      list.push(plain ? each : await mapTexts(each, `${pointer}/${index}`, change, {}, depth + 1));
    }
    return list;
  }
  const fields: [string, unknown][] = [];
  const parent = value as Record<string, unknown>;
  for (const [field, each] of Object.entries(parent)) {
    const at = pointerTo(pointer, field);
    fields.push([field, await mapTexts(each, at, change, { field, parent }, depth + 1)]);
  }
  return Object.fromEntries(fields);
}
