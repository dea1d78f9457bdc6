import type { Style } from './style.ts';
import { pad, plain, truncate, widthOf } from './text-width.ts';

export interface Column<Row> {
  title: string;
  value(row: Row): string;
  /** Colours, put on after the cell has its width. */
  paint?(text: string, row: Row): string;
  align?: 'left' | 'right';
  /**
   * May be cut down to this many columns when the terminal is narrow. Without it the column keeps its width: ids are
   * never cut.
   */
  shrinksTo?: number;
  /** Left out first, highest number first, when shrinking is not enough. Without it the column always stays. */
  droppable?: number;
}

const GAP = 2;

/**
 * Lines of a table, the heading first.
 * @param width columns of the terminal; undefined for a pipe, where nothing is cut
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  style: Style,
  width?: number,
): string[] {
  let shown = columns
    .map((column) => {
      const cells = rows.map((row) => plain(column.value(row)));
      return { column, cells, width: Math.max(widthOf(column.title), ...cells.map(widthOf)) };
    })
    // A column that has nothing to say takes no room.
    .filter(({ cells, column }) => column.droppable === undefined || cells.some(Boolean));
  if (width !== undefined) {
    while (least(shown) > width) {
      const last = shown.reduce<number | undefined>((best, { column }) => max(best, column.droppable), undefined);
      if (last === undefined) break;
      shown = shown.filter(({ column }) => column.droppable !== last);
    }
    shrink(shown, width);
  }
  const heading = shown.map(({ column, width: w }) => pad(column.title, w, column.align)).join(' '.repeat(GAP));
  const body = rows.map((row, index) =>
    shown
      .map(({ column, cells, width: w }) => {
        const text = pad(truncate(cells[index] ?? '', w), w, column.align);
        return column.paint ? column.paint(text, row) : text;
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
  return [style.dim(heading.trimEnd()), ...body];
}

interface Sized<Row> {
  column: Column<Row>;
  cells: string[];
  width: number;
}

function total(shown: readonly { width: number }[]): number {
  return shown.reduce((sum, { width }) => sum + width, GAP * Math.max(0, shown.length - 1));
}

function least<Row>(shown: readonly Sized<Row>[]): number {
  return total(shown.map((s) => ({ width: Math.min(s.width, s.column.shrinksTo ?? s.width) })));
}

/** Takes from the widest of the columns that may shrink, until all fits or nothing can be taken. */
function shrink<Row>(shown: Sized<Row>[], width: number): void {
  for (let over = total(shown) - width; over > 0; over--) {
    const widest = shown
      .filter((s) => s.column.shrinksTo !== undefined && s.width > s.column.shrinksTo)
      .reduce<Sized<Row> | undefined>((best, s) => (!best || s.width > best.width ? s : best), undefined);
    if (!widest) return;
    widest.width--;
  }
}

function max(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}
