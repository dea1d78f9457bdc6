import { open } from 'node:fs/promises';
import { ConnectorError } from '../contract/connector-error.ts';
import type { NetworkScale } from './scale.ts';
import type { Tile } from './tile-grid.ts';
import type { TileStore } from './tile-store.ts';

/**
 * Puts the tiles together into one uncompressed file that libvips maps into memory when it encodes, so that this
 * process holds one row of tiles at a time and never the whole result. The file is in libvips' own format (a header of
 * 64 bytes, then the pixels), the only uncompressed one it reads without a copy.
 * @param path where to write it
 * @param rows all tiles, row by row
 */
export async function writeCanvas(
  path: string,
  rows: readonly (readonly Tile[])[],
  scale: NetworkScale,
  store: TileStore,
  signal: AbortSignal,
): Promise<void> {
  const width = rowWidth(rows[0] ?? []) * scale;
  const height = rows.reduce((sum, row) => sum + (row[0]?.height ?? 0), 0) * scale;
  const file = await open(path, 'wx');
  try {
    await file.write(vipsHeader(width, height));
    for (const row of rows) {
      signal.throwIfAborted();
      await file.write(await band(row, width, scale, store));
    }
  } finally {
    await file.close();
  }
}

function rowWidth(row: readonly Tile[]): number {
  return row.reduce((sum, tile) => sum + tile.width, 0);
}

async function band(row: readonly Tile[], width: number, scale: NetworkScale, store: TileStore): Promise<Buffer> {
  const lines = (row[0]?.height ?? 0) * scale;
  const pixels = Buffer.allocUnsafe(width * lines * 3);
  for (const tile of row) {
    const part = await store.read(tile);
    if (!part) throw new ConnectorError('internal', `tile ${tile.index + 1} was lost from the work directory`);
    const stride = tile.width * scale * 3;
    for (let line = 0; line < lines; line++) {
      part.copy(pixels, (line * width + tile.x * scale) * 3, line * stride, (line + 1) * stride);
    }
  }
  return pixels;
}

/** Header of a `.v` file: `vips__write_header_bytes` in libvips' `iofuncs/vips.c`, little-endian, 3 × 8 bits, sRGB. */
function vipsHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0xb6_a6_f2_08, 0);
  const BANDS = 3;
  const BITS = 8;
  const FORMAT_UCHAR = 0;
  const CODING_NONE = 0;
  const INTERPRETATION_SRGB = 22;
  for (const [i, value] of [width, height, BANDS, BITS, FORMAT_UCHAR, CODING_NONE, INTERPRETATION_SRGB].entries()) {
    header.writeInt32LE(value, 4 + 4 * i);
  }
  header.writeFloatLE(1, 32);
  header.writeFloatLE(1, 36);
  return header;
}
