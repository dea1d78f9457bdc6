import { Readable } from 'node:stream';
import sharp from 'sharp';
import type { Chance } from './chance.ts';
import type { SimulatedArtifact } from './payload.schema.ts';

const CHUNK = 65_536;
const LINE = 'A switchyard sorts rail cars onto the right track; this line pads a simulated text.\n';

/** Content of an output that was asked for, and facts about it. Large ones are made while they are read. */
export async function makeArtifact(
  wanted: SimulatedArtifact,
  chance: Chance,
): Promise<{ content: Readable | Buffer; mime?: string; meta?: Record<string, number> }> {
  switch (wanted.kind) {
    case 'random':
      return {
        content: Readable.from(chunks(wanted.bytes, (size) => noise(size, chance))),
        mime: 'application/octet-stream',
      };
    case 'text':
      return { content: Readable.from(chunks(wanted.bytes, (size) => Buffer.alloc(size, LINE))), mime: 'text/plain' };
    case 'png':
      return noisePicture(wanted.bytes, chance);
  }
}

function* chunks(bytes: number, make: (size: number) => Buffer): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK) yield make(Math.min(CHUNK, left));
}

function noise(size: number, chance: Chance): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  // xorshift seeded once per chunk: calling `chance` for every word would take seconds for a large file.
  let x = (chance() * 2 ** 32) | 1;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return Buffer.from(words.buffer, 0, size);
}

/** Noise does not compress, so a picture of `bytes / 3` dots comes out at about `bytes`. */
async function noisePicture(bytes: number, chance: Chance) {
  const side = Math.max(1, Math.round(Math.sqrt(bytes / 3)));
  const raw = noise(side * side * 3, chance);
  const content = await sharp(raw, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { content, mime: 'image/png', meta: { width: side, height: side } };
}
