import { parentPort, workerData } from 'node:worker_threads';
import { loadNetwork, startBackend } from '../connectors/upscale/network.ts';
import { RECEPTIVE_RADIUS, type NetworkScale } from '../connectors/upscale/scale.ts';
import type { Window } from '../connectors/upscale/tile-window.ts';

/** The peer of the upscale benchmark: a thread that does nothing but enlarge windows cut beforehand, on each message. */
const { scale, windows } = workerData as { scale: NetworkScale; windows: Window[] };
await startBackend();
const network = await loadNetwork(scale);
parentPort?.on('message', () => {
  for (const { pixels, width, height } of windows) network.enlarge(pixels, width, height, RECEPTIVE_RADIUS);
  parentPort?.postMessage('done', []);
});
