import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConnectorError } from '../contract/connector-error.ts';

const MIB = 1_048_576;
const PART_MB = 64;

/**
 * Allocates and touches memory until it is released.
 * @throws ConnectorError `out_of_memory` when the process gets no more; the signal's reason
 */
export async function fillMemory(megabytes: number, signal: AbortSignal | undefined): Promise<{ release(): void }> {
  const held: Buffer[] = [];
  for (let left = megabytes; left > 0; left -= PART_MB) {
    signal?.throwIfAborted();
    try {
      // Filled with ones: pages of zeros would not be given by the system before they are written.
      held.push(Buffer.alloc(Math.min(PART_MB, left) * MIB, 1));
    } catch (error) {
      held.length = 0;
      throw new ConnectorError('out_of_memory', `No memory left after ${megabytes - left} of ${megabytes} MiB`, {
        cause: error,
      });
    }
    await nextTurn();
  }
  return {
    release() {
      held.length = 0;
    },
  };
}
