import { parentPort } from 'node:worker_threads';
import { loadNetwork, type Network, startBackend } from './network.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import type { NetworkScale } from './scale.ts';
import type { TileReply, TileRequest } from './tile-protocol.ts';

/**
 * The thread that enlarges tiles: one request after the other, networks kept by scale. It holds no state that a lost
 * thread would take along.
 */
const networks = new Map<NetworkScale, Promise<Network>>();
let backend: Promise<void> | undefined;

function networkFor(scale: NetworkScale): Promise<Network> {
  backend ??= startBackend();
  let network = networks.get(scale);
  if (!network) {
    network = backend.then(() => loadNetwork(scale));
    networks.set(scale, network);
  }
  return network;
}

async function answer(request: TileRequest): Promise<TileReply> {
  let network: Network;
  try {
    network = await networkFor(request.scale);
  } catch (error) {
    networks.delete(request.scale);
    return {
      id: request.id,
      failure: isOutOfMemory(error) ? 'out_of_memory' : 'missing_model',
      message: String(error),
    };
  }
  try {
    return { id: request.id, pixels: network.enlarge(request.pixels, request.width, request.height, request.margin) };
  } catch (error) {
    return { id: request.id, failure: isOutOfMemory(error) ? 'out_of_memory' : 'internal', message: String(error) };
  }
}

parentPort?.on('message', (request: TileRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply, 'pixels' in reply ? [reply.pixels.buffer] : []));
});
