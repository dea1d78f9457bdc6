import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { UpscaleConnector } from '../connectors/upscale/connector.ts';
import { decodePicture, inspectPicture } from '../connectors/upscale/picture.ts';
import { cutTiles } from '../connectors/upscale/tile-grid.ts';
import { cutWindow, type Window } from '../connectors/upscale/tile-window.ts';
import type { JobContext } from '../connectors/contract/job-context.ts';
import { createFileArtifactStore } from '../platform/artifacts/file-artifact-store.ts';
import { projectRoot } from '../platform/project-root.ts';
import { measurement, type Measurement } from './measurement.ts';
import { median } from './statistics.ts';

const SCALE = 4;
const TILE = 96;
const ROUNDS = 3;

/**
 * The whole connector (open and decode the input, cut, enlarge in its thread, keep every tile on disk, report progress,
 * put together, encode, store the artifact) against a thread that only enlarges the same windows, cut beforehand. Both
 * are warm; they take turns, so that a busy machine slows both; the medians are compared.
 */
export async function upscaleAgainstTileLoop(): Promise<Measurement> {
  const picture = join(projectRoot(), 'examples', 'harbour.png');
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bench-'));
  const connector = new UpscaleConnector('bench', { tile_size: TILE, threads: 1, health_check_interval_seconds: 0 });
  const windows = await windowsOf(picture);
  const loop = new Worker(new URL('./upscale-tile-loop.js', import.meta.url), {
    workerData: { scale: SCALE, windows },
  });
  try {
    const ours: number[] = [];
    const peer: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const job = await timed(() => runJob(connector, picture, join(folder, String(round))));
      const bare = await timed(async () => {
        loop.postMessage('go', []);
        await once(loop, 'message');
      });
      // The first round loads networks and compiles.
      if (round > 0) {
        ours.push(windows.length / job);
        peer.push(windows.length / bare);
      }
    }
    return measurement({
      name: 'upscale throughput',
      ours: median(ours),
      peer: median(peer),
      against: 'bare tile loop in a thread',
      unit: 'tiles/s',
      target: '≥ 0.95',
      method: `${ROUNDS} rounds in turns, medians; examples/harbour.png at ${SCALE}×, ${windows.length} tiles of at most ${TILE}×${TILE} pixels; ours is the whole connector from the input file to the stored artifact`,
    });
  } finally {
    await loop.terminate();
    await connector.cleanup();
    await rm(folder, { recursive: true, force: true });
  }
}

async function windowsOf(path: string): Promise<Window[]> {
  const limits = { maxInputPixels: 1e8, maxOutputPixels: 1e9 };
  const pixels = await decodePicture(await inspectPicture(path, SCALE, undefined, limits), false);
  return cutTiles(pixels.width, pixels.height, TILE)
    .flat()
    .map((tile) => cutWindow(pixels, tile));
}

async function runJob(connector: UpscaleConnector, picture: string, folder: string): Promise<void> {
  const store = createFileArtifactStore(join(folder, 'artifacts'));
  const workDir = join(folder, 'work');
  await mkdir(workDir, { recursive: true });
  const { signal } = new AbortController();
  const context: JobContext = {
    signal,
    attempt: 1,
    logger: pino({ level: 'silent' }),
    checkpoint: undefined,
    serviceJobId: undefined,
    workDir,
    saveCheckpoint: async () => {},
    trackServiceJob: async () => {},
    async openInput(path) {
      const bytes = await readFile(path);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { path, name: basename(path), bytes: bytes.length, sha256, mime: 'image/png' };
    },
    writeOutput: (content, options) => store.putOutput('bench', content, { ...options, maxBytes: 1e9, signal }),
  };
  const job = { id: 'bench', type: 'upscale', payload: { image: picture, scale: SCALE }, priority: 3, created_at: 0 };
  await connector.processJob(job, () => {}, context);
}

/** @returns seconds */
async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}
