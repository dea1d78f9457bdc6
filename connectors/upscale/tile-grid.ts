export interface Tile {
  /** Row-major, from 0. */
  index: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Cuts a picture into rows of nearly equal tiles, none wider or higher than `size`. Equal ones, because a narrow rest
 * at the end would cost almost as much as a whole tile: each also computes its margin.
 */
export function cutTiles(width: number, height: number, size: number): Tile[][] {
  const columns = spans(width, size);
  return spans(height, size).map((row, r) =>
    columns.map((column, c) => ({
      index: r * columns.length + c,
      x: column.start,
      y: row.start,
      width: column.length,
      height: row.length,
    })),
  );
}

function spans(total: number, size: number): { start: number; length: number }[] {
  const count = Math.ceil(total / size);
  const starts = Array.from({ length: count + 1 }, (_, i) => Math.round((i * total) / count));
  return starts.slice(0, -1).map((start, i) => ({ start, length: starts[i + 1]! - start }));
}
