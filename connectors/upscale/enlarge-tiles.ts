import { RECEPTIVE_RADIUS, type NetworkScale } from './scale.ts';
import type { Tile } from './tile-grid.ts';
import type { TileStore } from './tile-store.ts';
import type { TileThreads } from './tile-threads.ts';
import { cutWindow, type Pixels } from './tile-window.ts';

export interface TileRun {
  picture: Pixels;
  /** Those still to do. */
  tiles: readonly Tile[];
  scale: NetworkScale;
  threads: TileThreads;
  store: TileStore;
  signal: AbortSignal;
}

/**
 * Enlarges tiles and keeps each as it is finished. One tile more than there are threads is under way, so that no
 * thread waits while a tile is cut or written; more would keep other jobs from taking their turn.
 * @param onDone called after a tile is kept
 * @throws the signal's reason, or the first error of a tile; nothing is under way any more then, but for a tile that a
 *   thread finishes and drops
 */
export async function enlargeTiles(run: TileRun, onDone: () => void): Promise<void> {
  const { picture, tiles, scale, threads, store, signal } = run;
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const todo = tiles.values();
  const lane = async () => {
    for (const tile of todo) {
      const { width, height, pixels } = cutWindow(picture, tile);
      const enlarged = await threads.run({ scale, width, height, margin: RECEPTIVE_RADIUS, pixels }, stop);
      await store.write(tile, enlarged);
      stop.throwIfAborted();
      onDone();
    }
  };
  const lanes = Array.from({ length: threads.size + 1 }, () =>
    lane().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}
