import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MODEL_VERSION } from './model-files.ts';
import type { NetworkScale } from './scale.ts';
import type { Tile } from './tile-grid.ts';

/** Raised when the same input would give other tiles than before. */
const TILE_VERSION = 1;
/** After the pixels: these four bytes and the CRC-32 of the pixels, big-endian. */
const SEAL = Buffer.from('SYT1');
const TRAILER_BYTES = SEAL.length + 4;

/** All that decides what a tile looks like. */
export interface TileKey {
  inputSha256: string;
  scale: NetworkScale;
  /** Longest side of a tile, input pixels. */
  tileSize: number;
  /** Whether transparency was laid on white before. */
  flattened: boolean;
}

/**
 * Finished tiles on disk, so that the next attempt on this machine goes on where the last one stopped. One file per
 * tile, put in place by a rename and sealed with a checksum: a tile that is short or damaged, for whatever reason, is
 * simply not there. No fsync: what a power cut takes is computed again.
 */
export class TileStore {
  readonly #folder: string;
  readonly #scale: NetworkScale;

  private constructor(folder: string, scale: NetworkScale) {
    this.#folder = folder;
    this.#scale = scale;
  }

  /** @param workDir the job's directory; tiles of another input or another cut lie in another folder inside */
  static async open(workDir: string, key: TileKey): Promise<TileStore> {
    const parts = [TILE_VERSION, MODEL_VERSION, key.inputSha256, key.scale, key.tileSize, key.flattened];
    const name = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
    const folder = join(workDir, `tiles-${name}`);
    await mkdir(folder, { recursive: true });
    return new TileStore(folder, key.scale);
  }

  /** Indexes of the tiles that are there and whole. Reads each of them once. */
  async finished(tiles: readonly Tile[], signal: AbortSignal): Promise<Set<number>> {
    const done = new Set<number>();
    for (const tile of tiles) {
      signal.throwIfAborted();
      if (await this.read(tile)) done.add(tile.index);
    }
    return done;
  }

  /** The tile's RGB pixels; undefined when it is missing, short or damaged. */
  async read(tile: Tile): Promise<Buffer | undefined> {
    const file = await readFile(this.#path(tile)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const length = tile.width * tile.height * this.#scale * this.#scale * 3;
    if (file.length !== length + TRAILER_BYTES) return undefined;
    const pixels = file.subarray(0, length);
    return file.subarray(length).equals(trailerOf(pixels)) ? pixels : undefined;
  }

  /** @throws the file system's error when the disk does not take it */
  async write(tile: Tile, pixels: Uint8Array): Promise<void> {
    // A name of its own: an attempt that was given up may still be writing the same tile.
    const temporary = join(this.#folder, `.${tile.index}-${randomUUID()}`);
    try {
      await writeFile(temporary, [pixels, trailerOf(pixels)]);
      await rename(temporary, this.#path(tile));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  #path(tile: Tile): string {
    return join(this.#folder, `${tile.index}.rgb`);
  }
}

function trailerOf(pixels: Uint8Array): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  SEAL.copy(trailer);
  trailer.writeUInt32BE(crc32(pixels), SEAL.length);
  return trailer;
}
