import { dirname } from 'node:path';
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { readModel } from './model-files.ts';
import type { Scale } from './scale.ts';
import { type SubpixelConvolution, subpixelHead } from './subpixel-head.ts';

/** Names in the networks of esrgan-slim: the last layer before the enlargement, and the convolution after it. */
const LAST_SMALL_LAYER = 'UPN3';
const LAST_LAYER = 'SR';

export interface Network {
  /**
   * Enlarges 8-bit RGB pixels.
   * @param margin pixels on each side that only inform the network; they are not in the result
   * @returns RGB of (width − 2 margin) × scale by (height − 2 margin) × scale
   */
  enlarge(pixels: Uint8Array, width: number, height: number, margin: number): Uint8Array<ArrayBuffer>;
}

interface HeadStep extends SubpixelConvolution {
  filter: tf.Tensor4D;
  biasTensor: tf.Tensor1D;
}

/** Starts the WebAssembly backend (with SIMD where the machine has it). Once per thread, before anything else here. */
export async function startBackend(): Promise<void> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of TensorFlow.js did not start');
}

/** Loads a network; 10 ms and about 20 MB. The values it works on are 0–255 on both sides. */
export async function loadNetwork(scale: Scale): Promise<Network> {
  const files = await readModel(scale);
  const whole = await layers.loadLayersModel(
    tf.io.fromMemory({ modelTopology: files.topology, weightSpecs: files.weightSpecs, weightData: files.weights }),
  );
  const trunk = layers.model({
    inputs: whole.inputs,
    outputs: whole.getLayer(LAST_SMALL_LAYER).output,
  });
  const [kernel, bias] = whole.getLayer(LAST_LAYER).getWeights() as [tf.Tensor4D, tf.Tensor1D];
  const head = subpixelHead(kernel.dataSync<'float32'>(), bias.dataSync<'float32'>(), kernel.shape[2], scale).map(
    (step) => ({
      ...step,
      filter: tf.tensor4d(step.weights, [step.kernelHeight, step.kernelWidth, step.inChannels, step.outChannels]),
      biasTensor: tf.tensor1d(step.bias),
    }),
  );
  return {
    enlarge(pixels, width, height, margin) {
      const features = tf.tidy(
        () => trunk.predict(tf.tensor4d(Float32Array.from(pixels), [1, height, width, 3])) as tf.Tensor4D,
      );
      const out = new Uint8ClampedArray((width - 2 * margin) * (height - 2 * margin) * scale * scale * 3);
      try {
        for (const step of head) spread(runStep(features, step), step, out, { width, height, margin, scale });
      } finally {
        features.dispose();
      }
      return new Uint8Array(out.buffer);
    },
  };
}

function runStep(features: tf.Tensor4D, step: HeadStep): Float32Array {
  const { top, bottom, left, right } = step.padding;
  const result = tf.fused.conv2d({
    x: features,
    filter: step.filter,
    strides: 1,
    pad: [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    bias: step.biasTensor,
  });
  try {
    return result.dataSync<'float32'>();
  } finally {
    result.dispose();
  }
}

/** Puts one step's pixels to their places, rounded and clamped to 0–255 by the array, leaving out the margin. */
function spread(
  values: Float32Array,
  step: SubpixelConvolution,
  out: Uint8ClampedArray,
  shape: { width: number; height: number; margin: number; scale: number },
): void {
  const { width, height, margin, scale } = shape;
  const outWidth = (width - 2 * margin) * scale;
  for (const [n, { row, column }] of step.subpixels.entries()) {
    for (let y = margin; y < height - margin; y++) {
      let from = (y * width + margin) * step.outChannels + n * 3;
      let to = (((y - margin) * scale + row) * outWidth + column) * 3;
      for (let x = margin; x < width - margin; x++) {
        out[to] = values[from]!;
        out[to + 1] = values[from + 1]!;
        out[to + 2] = values[from + 2]!;
        from += step.outChannels;
        to += scale * 3;
      }
    }
  }
}
