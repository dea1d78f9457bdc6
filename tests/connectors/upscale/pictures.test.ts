import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import {
  connectorWith,
  decoded,
  encoded,
  pictureContext,
  removeContexts,
  type Raw,
  testPicture,
  upscale,
} from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-pictures-'));
const connector = connectorWith();
const picture = testPicture(30, 20);
const context = pictureContext();

afterAll(async () => {
  await connector.cleanup();
  await removeContexts();
  rmSync(folder, { recursive: true });
});

let count = 0;
async function enlarge(source: Sharp, extension: string, payload: Record<string, unknown> = {}) {
  const image = join(folder, `picture ${count++}.${extension}`);
  await source.toFile(image);
  return upscale(connector, { image, scale: 2, ...payload }, context);
}

/** Mean of one channel over a part of the picture. */
function mean(raw: Raw, channel: number, part: { left: number; top: number; width: number; height: number }): number {
  let sum = 0;
  for (let y = part.top; y < part.top + part.height; y++) {
    for (let x = part.left; x < part.left + part.width; x++)
      sum += raw.data[(y * raw.width + x) * raw.channels + channel]!;
  }
  return sum / (part.width * part.height);
}

function filled(width: number, height: number, at: (x: number, y: number) => number[]): Raw {
  const pixels = Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width)));
  return { data: Buffer.from(pixels.flat()), width, height, channels: pixels[0]!.length as Raw['channels'] };
}

/** Length, type, content, and the checksum of type and content. */
function pngChunk(type: string, content: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + content.length);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write(type, 4, 'latin1');
  content.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + content.length)), 8 + content.length);
  return chunk;
}

describe('formats', () => {
  test.each([
    ['png', 'png'],
    ['jpeg', 'jpg'],
    ['webp', 'webp'],
  ] as const)('%s in, the same out; the artifact is named after input and scale', async (format, extension) => {
    const done = await enlarge(encoded(picture).toFormat(format), extension);
    expect((await sharp(done.file).metadata()).format).toBe(format);
    expect(done.result).toMatchObject({
      format,
      width: 60,
      height: 40,
      input: { width: 30, height: 20 },
      warnings: [],
    });
    expect(done.name).toMatch(new RegExp(`^picture \\d+-x2\\.${extension}$`));
    expect(done.meta).toEqual({ width: 60, height: 40 });
  });

  test('another format when asked for; quality decides the size', async () => {
    const low = await enlarge(encoded(picture).png(), 'png', { format: 'jpeg', quality: 20 });
    const high = await enlarge(encoded(picture).png(), 'png', { format: 'jpeg', quality: 95 });
    expect(low.result.format).toBe('jpeg');
    expect(low.name).toMatch(/-x2\.jpg$/);
    expect(low.file.length).toBeLessThan(high.file.length * 0.6);
  });

  test('quality for png is answered with a warning', async () => {
    const done = await enlarge(encoded(picture).png(), 'png', { quality: 50 });
    expect(done.result.warnings).toEqual(['quality has no meaning for png']);
  });
});

describe('what is in a picture is kept', () => {
  test('colours', async () => {
    const flat = filled(30, 20, () => [200, 60, 20]);
    const out = await decoded((await enlarge(encoded(flat).png(), 'png')).file);
    for (const [channel, value] of [200, 60, 20].entries()) {
      expect(Math.abs(mean(out, channel, { left: 0, top: 0, width: 60, height: 40 }) - value)).toBeLessThan(3);
    }
  });

  test('transparency, without a dark edge from the colours of invisible pixels', async () => {
    const badge = filled(30, 20, (x) => (x < 15 ? [0, 0, 0, 0] : [230, 230, 230, 255]));
    const done = await enlarge(encoded(badge).png(), 'png');
    const out = await decoded(done.file);
    expect([out.width, out.height, out.channels]).toEqual([60, 40, 4]);
    const alphaAt = (left: number) => mean(out, 3, { left, top: 0, width: 4, height: 40 });
    expect([alphaAt(0), alphaAt(56)]).toEqual([0, 255]);
    const visible = Array.from({ length: 60 * 40 }, (_, i) => i).filter((i) => out.data[i * 4 + 3]! > 8);
    expect(Math.min(...visible.map((i) => out.data[i * 4]!))).toBeGreaterThan(215);
    expect(done.result.warnings).toEqual([]);
  });

  test('transparency in webp, at 8× too', async () => {
    const badge = filled(30, 20, (x) => [90, 160, 40, x < 15 ? 255 : 100]);
    const out = await decoded((await enlarge(encoded(badge).webp({ lossless: true }), 'webp', { scale: 8 })).file);
    expect([out.width, out.height, out.channels]).toEqual([240, 160, 4]);
    expect(mean(out, 3, { left: 0, top: 0, width: 80, height: 160 })).toBeGreaterThan(253);
    expect(Math.abs(mean(out, 3, { left: 160, top: 0, width: 80, height: 160 }) - 100)).toBeLessThan(3);
  });

  test('jpeg has no transparency: the picture is laid on white, and the result says so', async () => {
    const badge = filled(30, 20, (x) => (x < 15 ? [0, 0, 0, 0] : [200, 0, 0, 255]));
    const done = await enlarge(encoded(badge).png(), 'png', { format: 'jpeg' });
    const out = await decoded(done.file);
    expect(out.channels).toBe(3);
    expect(mean(out, 1, { left: 0, top: 0, width: 20, height: 40 })).toBeGreaterThan(250);
    expect(mean(out, 1, { left: 40, top: 0, width: 20, height: 40 })).toBeLessThan(12);
    expect(done.result.warnings).toEqual(['jpeg has no transparency: the picture was laid on white']);
  });

  test('the orientation that EXIF asks for', async () => {
    const topRed = filled(30, 20, (_, y) => (y < 10 ? [220, 20, 20] : [20, 20, 220]));
    const done = await enlarge(encoded(topRed).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }), 'jpg');
    expect(done.result).toMatchObject({ width: 40, height: 60, input: { width: 20, height: 30 } });
    const out = await decoded(done.file);
    // Turned clockwise, the top comes to lie on the right.
    expect(mean(out, 0, { left: 26, top: 0, width: 12, height: 60 })).toBeGreaterThan(180);
    expect(mean(out, 0, { left: 2, top: 0, width: 12, height: 60 })).toBeLessThan(60);
    expect((await sharp(done.file).metadata()).orientation ?? 1).toBe(1);
  });

  test('grey stays grey, with and without transparency', async () => {
    const grey = filled(30, 20, (x) => [x * 8]);
    const done = await enlarge(encoded(grey).toColourspace('b-w').png(), 'png');
    expect((await sharp(done.file).metadata()).space).toBe('b-w');
    const both = filled(30, 20, (x) => [x * 8, 128]);
    const alpha = await enlarge(encoded(both).toColourspace('b-w').png(), 'png');
    expect(await sharp(alpha.file).metadata()).toMatchObject({ width: 60, height: 40, hasAlpha: true });
  });

  test('the colours of an embedded profile', async () => {
    const green = filled(30, 20, () => [0, 200, 0]);
    const wide = encoded(green).withIccProfile('p3').png();
    const out = await decoded((await enlarge(wide, 'png')).file);
    // Taken for sRGB, the same numbers would have a red of about 90.
    expect(mean(out, 0, { left: 0, top: 0, width: 60, height: 40 })).toBeLessThan(20);
    expect(Math.abs(mean(out, 1, { left: 0, top: 0, width: 60, height: 40 }) - 200)).toBeLessThan(6);
  });

  test('a palette', async () => {
    const flat = filled(30, 20, (x) => (x < 15 ? [200, 60, 20] : [20, 60, 200]));
    const out = await decoded((await enlarge(encoded(flat).png({ palette: true }), 'png')).file);
    expect(mean(out, 0, { left: 0, top: 0, width: 26, height: 40 })).toBeGreaterThan(190);
  });

  test('16 bits a channel become 8, and the result says so', async () => {
    const values = new Uint16Array(30 * 20 * 3).fill(0x80_00);
    const deep = sharp(values, { raw: { width: 30, height: 20, channels: 3 } })
      .toColourspace('rgb16')
      .png();
    const done = await enlarge(deep, 'png');
    const out = await decoded(done.file);
    expect(Math.abs(mean(out, 0, { left: 0, top: 0, width: 60, height: 40 }) - 128)).toBeLessThan(3);
    expect(done.result.warnings).toEqual(['the picture has 16 bits a channel: the result has 8']);
  });

  test('of an animation its first frame, and the result says so', async () => {
    const frames = filled(30, 40, (_, y) => (y < 20 ? [200, 60, 20] : [20, 60, 200]));
    const animated = sharp(frames.data, { raw: { width: 30, height: 40, channels: 3, pageHeight: 20 } }).webp({
      lossless: true,
      loop: 0,
      delay: [100, 100],
    });
    const done = await enlarge(animated, 'webp');
    const out = await decoded(done.file);
    expect([out.width, out.height]).toEqual([60, 40]);
    expect(mean(out, 0, { left: 0, top: 0, width: 60, height: 40 })).toBeGreaterThan(180);
    expect(done.result.warnings).toEqual(['the picture is animated: only the first of its 2 frames was used']);
  });

  test('of an animated png too', async () => {
    const plain = await encoded(picture).png().toBuffer();
    const frames = Buffer.from([0, 0, 0, 3, 0, 0, 0, 0]);
    const AFTER_IHDR = 33;
    const image = join(folder, 'animated.png');
    writeFileSync(
      image,
      Buffer.concat([plain.subarray(0, AFTER_IHDR), pngChunk('acTL', frames), plain.subarray(AFTER_IHDR)]),
    );
    const { result } = await upscale(connector, { image, scale: 2 }, context);
    expect(result.warnings).toEqual(['the picture is animated: only the first of its 3 frames was used']);
  });

  test.each([
    [1, 1],
    [1, 50],
    [50, 3],
  ])('a picture of %d × %d', async (width, height) => {
    const done = await enlarge(encoded(testPicture(width, height)).png(), 'png', { scale: 3 });
    const out = await decoded(done.file);
    expect([out.width, out.height]).toEqual([width * 3, height * 3]);
  });
});
