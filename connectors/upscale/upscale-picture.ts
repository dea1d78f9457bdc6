import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { untilAborted } from '../base/running-jobs.ts';
import type { ProgressUpdate } from '../contract/connector.ts';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import { writeCanvas } from './canvas.ts';
import { encodePicture, writeAlpha } from './encode.ts';
import { enlargeTiles } from './enlarge-tiles.ts';
import type { UpscalePayload } from './payload.schema.ts';
import { decodePicture, inspectPicture, type PictureHeader } from './picture.ts';
import { EXTENSION, type PictureFormat } from './picture-format.ts';
import { networkFor, type NetworkScale, type Scale } from './scale.ts';
import type { UpscaleSettings } from './settings.ts';
import { cutTiles, type Tile } from './tile-grid.ts';
import { TileRate } from './tile-rate.ts';
import { TileStore } from './tile-store.ts';
import type { TileThreads } from './tile-threads.ts';
import type { Pixels } from './tile-window.ts';

/** Per cent of the job done when the first tile begins and when the last one ends. */
const TILES_FROM = 2;
const TILES_TO = 96;

const SCRATCH = 'scratch-';

/** Result of an `upscale` job; the picture itself is its one artifact. */
export interface UpscaleResult {
  width: number;
  height: number;
  scale: Scale;
  format: PictureFormat;
  tiles: number;
  /** Tiles that an earlier attempt had finished. */
  tiles_resumed: number;
  input: { width: number; height: number };
  /** What is not in the result, or was not done as asked. */
  warnings: string[];
}

export interface UpscaleTask {
  payload: UpscalePayload;
  settings: UpscaleSettings;
  threads: TileThreads;
  context: JobContext;
  report: (update: Omit<ProgressUpdate, 'job_id'>) => void;
}

/** What the steps of one job hand on to each other. */
interface Work extends UpscaleTask {
  input: InputFile;
  header: PictureHeader;
  picture: Pixels;
  network: NetworkScale;
  format: PictureFormat;
  /** Of the result. */
  width: number;
  height: number;
  /** Transparency is laid on white. */
  flatten: boolean;
  rows: Tile[][];
  tiles: Tile[];
  store: TileStore;
}

/**
 * The whole job: read, enlarge tile by tile, put together, write.
 * @throws ConnectorError, or the reason of the context's signal
 */
export async function upscalePicture(task: UpscaleTask): Promise<{ result: UpscaleResult; artifact: ArtifactRef }> {
  const work = await prepare(task);
  const resumed = await enlargeMissing(work);
  const artifact = await inScratch(task.context.workDir, (folder) => writeResult(work, folder));
  task.context.signal.throwIfAborted();
  const { picture, format, tiles, width, height } = work;
  return {
    artifact,
    result: {
      width,
      height,
      scale: task.payload.scale,
      format,
      tiles: tiles.length,
      tiles_resumed: resumed,
      input: { width: picture.width, height: picture.height },
      warnings: warningsOf(work),
    },
  };
}

async function prepare(task: UpscaleTask): Promise<Work> {
  const { payload, settings, context, report } = task;
  report({ progress: 0, message: 'reading the picture' });
  const input = await context.openInput(payload.image, '/payload/image');
  const header = await inspectPicture(input.path, payload.scale, payload.format, {
    maxInputPixels: settings.max_input_pixels,
    maxOutputPixels: settings.max_output_pixels,
  });
  const format = payload.format ?? header.format;
  const flatten = header.alpha && format === 'jpeg';
  const picture = await untilAborted(decodePicture(header, flatten), context.signal);
  const network = networkFor(payload.scale);
  const rows = cutTiles(picture.width, picture.height, settings.tile_size);
  const store = await TileStore.open(context.workDir, {
    inputSha256: input.sha256,
    scale: network,
    tileSize: settings.tile_size,
    flattened: flatten,
  });
  const width = picture.width * payload.scale;
  const height = picture.height * payload.scale;
  const tiles = rows.flat();
  return { ...task, input, header, picture, network, format, width, height, flatten, rows, tiles, store };
}

/** @returns how many tiles an earlier attempt had finished */
async function enlargeMissing({ threads, context, report, input, picture, network, tiles, store }: Work) {
  const finished = await store.finished(tiles, context.signal);
  let done = finished.size;
  const rate = new TileRate(performance.now());
  const tell = (message: string) =>
    report({
      progress: TILES_FROM + ((TILES_TO - TILES_FROM) * done) / tiles.length,
      message,
      current_step: done,
      total_steps: tiles.length,
      estimated_completion_ms: rate.left(tiles.length - done),
    });
  const start = done > 0 ? `resumed: ${done} of ${tiles.length} tiles were done` : `${tiles.length} tiles to do`;
  context.logger.info({ input: input.name, network, tiles: tiles.length, tiles_resumed: done }, start);
  tell(start);
  const missing = tiles.filter((tile) => !finished.has(tile.index));
  await enlargeTiles({ picture, tiles: missing, scale: network, threads, store, signal: context.signal }, () => {
    done++;
    rate.tileDone(performance.now());
    tell(`tile ${done} of ${tiles.length}`);
  });
  return finished.size;
}

async function writeResult(work: Work, folder: string): Promise<ArtifactRef> {
  const { payload, context, report, input, header, picture, network, format, width, height, rows, tiles, store } = work;
  report({
    progress: TILES_TO,
    message: `writing the ${format}`,
    current_step: tiles.length,
    total_steps: tiles.length,
  });
  const canvas = join(folder, 'canvas.v');
  const alphaPath = picture.channels === 4 ? join(folder, 'alpha.v') : undefined;
  const target = join(folder, `result.${EXTENSION[format]}`);
  await writeCanvas(canvas, rows, network, store, context.signal);
  if (alphaPath) await untilAborted(writeAlpha(picture, width, height, alphaPath), context.signal);
  const options = { format, quality: payload.quality, width, height, grey: header.grey, alphaPath };
  await untilAborted(encodePicture(canvas, target, options), context.signal);
  return context.writeOutput(createReadStream(target), {
    name: `${parse(input.name).name || 'picture'}-x${payload.scale}.${EXTENSION[format]}`,
    mime: `image/${format}`,
    meta: { width, height },
  });
}

/** A folder for files of this attempt only; what a killed attempt left behind is removed first. */
async function inScratch<T>(workDir: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(workDir, { recursive: true });
  for (const name of await readdir(workDir)) {
    if (name.startsWith(SCRATCH)) await rm(join(workDir, name), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(workDir, SCRATCH));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function warningsOf({ header, payload, format, flatten }: Work): string[] {
  const warnings = [...header.warnings];
  if (flatten) warnings.push('jpeg has no transparency: the picture was laid on white');
  if (format === 'png' && payload.quality !== undefined) warnings.push('quality has no meaning for png');
  return warnings;
}
