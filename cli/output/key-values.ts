import type { Style } from './style.ts';
import { pad } from './text-width.ts';

/** Lines "name  value"; entries without a value are left out, further lines of a value are set in. */
export function keyValueLines(
  entries: readonly (readonly [name: string, value: string | readonly string[] | undefined])[],
  style: Style,
  indent = '',
): string[] {
  const filled = entries
    .map(([name, value]) => [name, value === undefined ? [] : [value].flat().filter((line) => line !== '')] as const)
    .filter(([, lines]) => lines.length > 0);
  const width = Math.max(0, ...filled.map(([name]) => name.length));
  return filled.flatMap(([name, lines]) =>
    lines.map((line, index) => `${indent}${style.dim(pad(index === 0 ? name : '', width))}  ${line}`),
  );
}
