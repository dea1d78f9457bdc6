import { pointerTo } from './check-shape.ts';

/** A part that makes up this much of what it lies in is what a person has to look at. */
const MOST = 0.5;

/**
 * Where most of a document's size lies, for an error that says so.
 * @returns a JSON pointer, empty when it is spread over the document, and the bytes of that part as JSON
 */
export function largestPart(document: object): { pointer: string; bytes: number } {
  let pointer = '';
  let part: unknown = document;
  let bytes = sizeOf(part);
  while (typeof part === 'object' && part !== null) {
    const sizes = Object.entries(part).map(([name, value]) => ({
      name,
      value: value as unknown,
      bytes: sizeOf(value),
    }));
    const largest = sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a), {
      name: '',
      value: undefined,
      bytes: 0,
    } as (typeof sizes)[0]);
    if (largest.bytes < bytes * MOST) break;
    pointer = pointerTo(pointer, largest.name);
    ({ value: part, bytes } = largest);
  }
  return { pointer, bytes };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}
