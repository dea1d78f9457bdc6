import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { readModel } from './model-files.ts';
import type { NetworkScale } from './scale.ts';

export interface Network {
  /**
   * Enlarges 8-bit RGB pixels.
   * @param margin pixels on each side that only inform the network; they are not in the result
   * @returns RGB of (width − 2 margin) × scale by (height − 2 margin) × scale
   */
  enlarge(pixels: Uint8Array, width: number, height: number, margin: number): Uint8Array<ArrayBuffer>;
}

/** Starts the WebAssembly backend (with SIMD where the machine has it). Once per thread, before anything else here. */
export async function startBackend(): Promise<void> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of TensorFlow.js did not start');
}

/** Loads a network; 10 ms. The values it works on are 0–255 on both sides. */
export async function loadNetwork(scale: NetworkScale): Promise<Network> {
  const files = await readModel(scale);
  const model = await layers.loadLayersModel(
    tf.io.fromMemory({ modelTopology: files.topology, weightSpecs: files.weightSpecs, weightData: files.weights }),
  );
  return {
    enlarge(pixels, width, height, margin) {
      const size: [number, number] = [(height - 2 * margin) * scale, (width - 2 * margin) * scale];
      const result = tf.tidy(() => {
        const input = tf.tensor4d(Float32Array.from(pixels), [1, height, width, 3]);
        const whole = model.predict(input) as tf.Tensor4D;
        return tf.slice(whole, [0, margin * scale, margin * scale, 0], [1, ...size, 3]);
      });
      try {
        // The array rounds and clamps what it is given.
        return new Uint8Array(Uint8ClampedArray.from(result.dataSync<'float32'>()).buffer);
      } finally {
        result.dispose();
      }
    },
  };
}
