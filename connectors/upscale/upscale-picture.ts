import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { ProgressUpdate } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { writeCanvas } from './canvas.ts';
import { encodePicture, writeAlpha } from './encode.ts';
import { enlargeTiles } from './enlarge-tiles.ts';
import { TileRate } from './estimate.ts';
import type { UpscalePayload } from './manifest.ts';
import { EXTENSION, type PictureFormat } from './picture-format.ts';
import { decodePicture, inspectPicture } from './picture.ts';
import type { Scale } from './scale.ts';
import type { UpscaleSettings } from './settings.ts';
import { cutTiles } from './tile-grid.ts';
import { TileStore } from './tile-store.ts';
import type { TileThreads } from './tile-threads.ts';
import { untilAborted } from './until-aborted.ts';

const SCRATCH = 'scratch-';

/** Per cent of the job done when the first tile begins and when the last one ends; measured at 4×. */
const TILES_FROM = 2;
const TILES_TO = 94;

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

export type Report = (update: Omit<ProgressUpdate, 'job_id'>) => void;

/**
 * The whole job: read, enlarge tile by tile, put together, write.
 * @throws ConnectorError, or the reason of the context's signal
 */
export async function upscalePicture(
  payload: UpscalePayload,
  settings: UpscaleSettings,
  threads: TileThreads,
  context: JobContext,
  report: Report,
): Promise<{ result: UpscaleResult; artifact: ArtifactRef }> {
  const { signal } = context;
  const { scale } = payload;
  report({ progress: 0, message: 'reading the picture' });
  const input = await context.openInput(payload.image, '/payload/image');
  const header = await inspectPicture(input.path, scale, payload.format, {
    maxInputPixels: settings.max_input_pixels,
    maxOutputPixels: settings.max_output_pixels,
  });
  const format = payload.format ?? header.format;
  const flatten = header.alpha && format === 'jpeg';
  const picture = await untilAborted(decodePicture(header, flatten), signal);

  const rows = cutTiles(picture.width, picture.height, settings.tile_size);
  const key = { inputSha256: input.sha256, scale, tileSize: settings.tile_size, flattened: flatten };
  const store = await TileStore.open(context.workDir, key);
  const resumed = await enlargeMissing();
  const artifact = await inScratch(context.workDir, async (folder) => {
    report({
      progress: TILES_TO,
      message: `writing the ${format}`,
      current_step: rows.flat().length,
      total_steps: rows.flat().length,
    });
    const canvas = join(folder, 'canvas.v');
    const alphaPath = picture.channels === 4 ? join(folder, 'alpha.v') : undefined;
    await writeCanvas(canvas, rows, scale, store, signal);
    if (alphaPath) await untilAborted(writeAlpha(picture, scale, alphaPath), signal);
    const target = join(folder, `result.${EXTENSION[format]}`);
    const options = { format, quality: payload.quality, grey: header.grey, alphaPath };
    await untilAborted(encodePicture(canvas, target, options), signal);
    return context.writeOutput(createReadStream(target), {
      name: `${parse(input.name).name || 'picture'}-x${scale}.${EXTENSION[format]}`,
      mime: `image/${format}`,
      meta: { width: picture.width * scale, height: picture.height * scale },
    });
  });
  signal.throwIfAborted();
  return {
    artifact,
    result: {
      width: picture.width * scale,
      height: picture.height * scale,
      scale,
      format,
      tiles: rows.flat().length,
      tiles_resumed: resumed,
      input: { width: picture.width, height: picture.height },
      warnings: warningsOf(header.warnings, payload, format, flatten),
    },
  };

  async function enlargeMissing(): Promise<number> {
    const tiles = rows.flat();
    const done = await store.finished(tiles, signal);
    let count = done.size;
    const rate = new TileRate(performance.now());
    const tell = (message: string) =>
      report({
        progress: TILES_FROM + ((TILES_TO - TILES_FROM) * count) / tiles.length,
        message,
        current_step: count,
        total_steps: tiles.length,
        estimated_completion_ms: rate.left(tiles.length - count),
      });
    const start = count > 0 ? `resumed: ${count} of ${tiles.length} tiles were done` : `${tiles.length} tiles to do`;
    context.logger.info({ scale, tiles: tiles.length, tiles_resumed: count, input: input.name }, start);
    tell(start);
    const missing = tiles.filter((tile) => !done.has(tile.index));
    await enlargeTiles(picture, missing, scale, threads, store, signal, () => {
      count++;
      rate.tileDone(performance.now());
      tell(`tile ${count} of ${tiles.length}`);
    });
    return done.size;
  }
}

/** A folder for files of this attempt only; what a killed attempt left is removed first. */
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

function warningsOf(found: string[], payload: UpscalePayload, format: PictureFormat, flattened: boolean): string[] {
  const warnings = [...found];
  if (flattened) warnings.push('jpeg has no transparency: the picture was laid on white');
  if (format === 'png' && payload.quality !== undefined)
    warnings.push('quality means nothing for png, which loses nothing');
  return warnings;
}
