import { open } from 'node:fs/promises';

const SIGNATURE_BYTES = 8;
/** Length and type of a chunk. */
const HEAD_BYTES = 8;
const CRC_BYTES = 4;
/** More chunks than any encoder puts before the pixels. */
const MOST_CHUNKS = 200;

/**
 * How many frames an animated PNG has; libvips reads the first and does not tell of others. They are in the chunk
 * `acTL`, which stands before the pixels (PNG specification, third edition, 11.3.6.1).
 * @returns 1 for a plain PNG
 */
export async function countApngFrames(path: string): Promise<number> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(HEAD_BYTES + 4);
    for (let at = SIGNATURE_BYTES, chunks = 0; chunks < MOST_CHUNKS; chunks++) {
      const { bytesRead } = await file.read(head, 0, head.length, at);
      if (bytesRead < head.length) return 1;
      const type = head.toString('latin1', 4, 8);
      if (type === 'acTL') return head.readUInt32BE(HEAD_BYTES);
      if (type === 'IDAT') return 1;
      at += HEAD_BYTES + head.readUInt32BE(0) + CRC_BYTES;
    }
    return 1;
  } finally {
    await file.close();
  }
}
