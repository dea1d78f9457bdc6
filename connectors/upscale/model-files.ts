import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import type { NetworkScale } from './scale.ts';

const PACKAGE = '@upscalerjs/esrgan-slim';

/** Version of the weights; part of the name under which finished tiles are kept. */
export const MODEL_VERSION = '1.0.0';

/** What `tf.io.fromMemory` takes. */
export interface ModelFiles {
  topology: object;
  weightSpecs: { name: string; shape: number[]; dtype: 'float32' }[];
  weights: ArrayBuffer;
}

/**
 * Folder of a network inside the installed package. The package exports neither its `package.json` nor `models/`, so
 * the way goes from a file that it does export upwards.
 * @throws Error naming the package when it is missing or incomplete
 */
export function modelFolder(scale: NetworkScale): string {
  let folder = dirname(createRequire(import.meta.url).resolve(PACKAGE));
  for (;;) {
    const candidate = join(folder, 'models', `x${scale}`);
    if (existsSync(join(candidate, 'model.json'))) return candidate;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${PACKAGE} has no models/x${scale}: run npm ci`);
    folder = parent;
  }
}

/** Reads a network of about 1 MB. @throws Error when the package is missing or damaged */
export async function readModel(scale: NetworkScale): Promise<ModelFiles> {
  const folder = modelFolder(scale);
  const model = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  const [group] = model.weightsManifest;
  const shards = await Promise.all(group.paths.map((path: string) => readFile(join(folder, path))));
  const bytes = Buffer.concat(shards);
  const expected = group.weights.reduce(
    (sum: number, w: { shape: number[] }) => sum + 4 * w.shape.reduce((a, b) => a * b, 1),
    0,
  );
  if (bytes.length !== expected) {
    throw new Error(`the weights in ${folder} have ${bytes.length} bytes instead of ${expected}: run npm ci`);
  }
  return {
    topology: model.modelTopology,
    weightSpecs: group.weights,
    weights: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  };
}
