import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { UpscaleConnector } from '../../../connectors/upscale/connector.ts';
import type { UpscaleResult } from '../../../connectors/upscale/upscale-picture.ts';
import { contextFor, jobOf, type TestContext } from '../harness.ts';

export interface Raw {
  data: Buffer;
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
}

/** A connector that leaves no timers behind; small tiles, so that small pictures have several. */
export function connectorWith(config: Record<string, unknown> = {}): UpscaleConnector {
  return new UpscaleConnector('test', { tile_size: 24, health_check_interval_seconds: 0, ...config });
}

const contexts: TestContext[] = [];

/** Removes what all contexts of this file wrote. */
export async function removeContexts(): Promise<void> {
  await Promise.all(contexts.splice(0).map((context) => context.remove()));
}

/** A context whose inputs are paths. @param workDir of an earlier attempt, to go on from */
export function pictureContext(workDir?: string): TestContext {
  const context = contextFor();
  contexts.push(context);
  context.openInput = async (path) => {
    const bytes = readFileSync(path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { path, name: basename(path), bytes: bytes.length, sha256, mime: 'application/octet-stream' };
  };
  const store = context.store;
  const folder = workDir ?? join(context.workDir, 'work');
  mkdirSync(folder, { recursive: true });
  return Object.defineProperties(context, { store: { value: store }, workDir: { value: folder } });
}

export interface Done {
  result: UpscaleResult;
  file: Buffer;
  name: string;
  meta: Record<string, unknown> | undefined;
  updates: ProgressUpdate[];
}

export async function upscale(
  connector: UpscaleConnector,
  payload: Record<string, unknown>,
  context: TestContext = pictureContext(),
  onProgress: (update: ProgressUpdate) => void = () => {},
): Promise<Done> {
  const updates: ProgressUpdate[] = [];
  const job = jobOf(payload, { id: `job-${Math.random()}`, type: 'upscale' });
  const done = await connector.processJob(
    job,
    (update) => {
      updates.push(update);
      onProgress(update);
    },
    context,
  );
  const artifact = done.artifacts?.[0];
  const stream = artifact && (await context.store.read(artifact.uri));
  if (!artifact || !stream) throw new Error('the job has no artifact');
  const file = await buffer(stream);
  return { result: done.result as UpscaleResult, file, name: artifact.name, meta: artifact.meta, updates };
}

/** Noise over a gradient with hard edges: whatever a seam could show in is there. The same on every run. */
export function testPicture(width: number, height: number): Raw {
  const data = Buffer.alloc(width * height * 3);
  let seed = 12_345;
  for (let i = 0; i < data.length; i++) {
    seed = (seed * 48_271) % 2_147_483_647;
    const x = Math.floor(i / 3) % width;
    const y = Math.floor(i / 3 / width);
    const edge = (x + y) % 13 < 6 ? 90 : 0;
    data[i] = Math.min(255, edge + (seed % 80) + ((i % 3) * 20 * x) / width);
  }
  return { data, width, height, channels: 3 };
}

export function encoded({ data, width, height, channels }: Raw): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

export async function decoded(file: Buffer | string): Promise<Raw> {
  const { data, info } = await sharp(file).raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

export function largestDifference(a: Buffer, b: Buffer): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} bytes cannot be compared`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** The picture with its outermost pixels repeated `margin` times around it. */
export function withMargin({ data, width, height, channels }: Raw, margin: number): Raw {
  const wide = { width: width + 2 * margin, height: height + 2 * margin };
  const out = Buffer.alloc(wide.width * wide.height * channels);
  for (let y = 0; y < wide.height; y++) {
    for (let x = 0; x < wide.width; x++) {
      const sx = Math.min(width - 1, Math.max(0, x - margin));
      const sy = Math.min(height - 1, Math.max(0, y - margin));
      data.copy(out, (y * wide.width + x) * channels, (sy * width + sx) * channels, (sy * width + sx + 1) * channels);
    }
  }
  return { data: out, ...wide, channels };
}

/** What the untouched network of the package makes of the whole picture. */
export function reference(picture: Raw, scale: number): Raw {
  const script = fileURLToPath(new URL('reference.mjs', import.meta.url));
  const { NODE_OPTIONS: _, ...env } = process.env;
  const data = execFileSync(process.execPath, [script, String(scale), String(picture.width), String(picture.height)], {
    input: picture.data,
    maxBuffer: 1e8,
    env,
  });
  return { data, width: picture.width * scale, height: picture.height * scale, channels: 3 };
}

export async function cropped(picture: Raw, left: number, top: number, width: number, height: number): Promise<Raw> {
  const data = await encoded(picture).extract({ left, top, width, height }).raw().toBuffer();
  return { data, width, height, channels: picture.channels };
}
