/**
 * The network as its package means it, on a whole picture at once: raw RGB on standard input, enlarged raw RGB on
 * standard output. A process of its own, because TensorFlow.js does not recognise the typed arrays of jest's sandbox.
 * node reference.mjs SCALE WIDTH HEIGHT
 */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const layers = require('@tensorflow/tfjs-layers');
const wasm = require('@tensorflow/tfjs-backend-wasm');

const [scale, width, height] = process.argv.slice(2).map(Number);
wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
await tf.setBackend('wasm');

const folder = join(dirname(require.resolve('@upscalerjs/esrgan-slim')), '../../../../..', 'models', `x${scale}`);
const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
const bytes = readFileSync(join(folder, weightsManifest[0].paths[0]));
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const model = await layers.loadLayersModel(
  tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
);
const input = tf.tensor4d(Float32Array.from(readFileSync(0)), [1, height, width, 3]);
const output = Buffer.from(Uint8ClampedArray.from(model.predict(input).dataSync()).buffer);
for (let at = 0; at < output.length; ) at += writeSync(1, output, at);
