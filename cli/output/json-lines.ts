import { plain, truncate } from './text-width.ts';

/**
 * JSON for a person: one line when it is short, indented otherwise; escape sequences of the content come out escaped,
 * as JSON writes them.
 * @param width columns for the short form
 */
export function jsonLines(value: unknown, width: number): string[] {
  const short = JSON.stringify(value);
  if (short === undefined) return [];
  if (short.length <= width) return [plain(short)];
  return JSON.stringify(value, undefined, 2)
    .split('\n')
    .map((line) => plain(line));
}

/**
 * A connector's result in one line: `scale 4, width 4096, tiles 24`. Nested parts are left to `get`.
 * @returns '' when there is nothing to say
 */
export function resultSummary(result: unknown, width: number): string {
  if (result === undefined || result === null) return '';
  const text =
    typeof result === 'object' && !Array.isArray(result)
      ? Object.entries(result)
          .filter(([, value]) => typeof value !== 'object')
          .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join(', ')
      : typeof result === 'string'
        ? result
        : JSON.stringify(result);
  return truncate(plain(text), width);
}
