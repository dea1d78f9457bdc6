import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../../platform/config/config-error.ts';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import { manifests } from '../../../connectors/upscale/manifest.ts';
import { connectorWith, encoded, pictureContext, removeContexts, testPicture, upscale } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-bad-'));
const connector = connectorWith();
const context = pictureContext();
const good = join(folder, 'good.png');

beforeAll(() => encoded(testPicture(30, 20)).png().toFile(good));
afterAll(async () => {
  await connector.cleanup();
  await removeContexts();
  rmSync(folder, { recursive: true });
});

async function refusal(payload: Record<string, unknown>, by = connector): Promise<ConnectorError> {
  const error: unknown = await upscale(by, payload, context).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConnectorError);
  expect((error as ConnectorError).code).toBe('validation');
  return error as ConnectorError;
}

function file(name: string, content: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A PNG that says it has that size, and little else. */
function pngHeader(width: number, height: number): Buffer {
  const ihdr = Buffer.alloc(25);
  ihdr.writeUInt32BE(13, 0);
  ihdr.write('IHDR', 4, 'latin1');
  ihdr.writeUInt32BE(width, 8);
  ihdr.writeUInt32BE(height, 12);
  ihdr.set([8, 2, 0, 0, 0], 16);
  ihdr.writeUInt32BE(crc(ihdr.subarray(4, 21)), 21);
  const idat = Buffer.from('0000000049444154', 'hex');
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ihdr, idat, Buffer.from('35af061e', 'hex')]);
}

function crc(bytes: Buffer): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  }
  return (value ^ 0xffff_ffff) >>> 0;
}

const tiff = () => encoded(testPicture(9, 9)).tiff().toBuffer();
const gif = () => encoded(testPicture(9, 9)).gif().toBuffer();
const avif = () => encoded(testPicture(16, 16)).avif().toBuffer();

describe('a picture that is none', () => {
  test.each<[string, () => Buffer | string | Promise<Buffer>, RegExp]>([
    ['text', () => 'this is no picture', /^is no picture$/],
    ['nothing', () => '', /^is an empty file$/],
    ['SVG', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /SVG/],
    ['SVG with a prologue', () => '\ufeff<?xml version="1.0"?>\n<svg/>', /SVG/],
    ['GIF', gif, /^is a GIF$/],
    ['TIFF', tiff, /^is a TIFF$/],
    ['AVIF', avif, /AVIF/],
    ['PDF', () => '%PDF-1.7', /^is a PDF$/],
  ])('%s is refused by name', async (name, content, detail) => {
    const error = await refusal({ image: file(`none.${name}`, await content()), scale: 2 });
    expect(error.errors).toEqual([
      { pointer: '/payload/image', detail: expect.stringMatching(detail), hint: 'give a PNG, JPEG or WebP picture' },
    ]);
    expect(error.message).toContain('give a PNG, JPEG or WebP picture');
  });

  test.each(['png', 'jpeg', 'webp'] as const)('a truncated %s', async (format) => {
    const whole = await encoded(testPicture(200, 150)).toFormat(format).toBuffer();
    const error = await refusal({ image: file(`half.${format}`, whole.subarray(0, whole.length / 2)), scale: 2 });
    expect(error.errors).toMatchObject([
      { pointer: '/payload/image', detail: expect.stringMatching(/truncated or damaged/) },
    ]);
    expect(error.errors?.[0]?.hint).toMatch(/whole file/);
  });

  test('a picture that begins like a PNG and goes on as noise', async () => {
    const noise = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(500, 0x5a)]);
    const error = await refusal({ image: file('noise.png', noise), scale: 2 });
    expect(error.errors?.[0]?.detail).toMatch(/truncated or damaged/);
  });
});

describe('a picture that is too large', () => {
  test('200 megapixels are refused by the header alone', async () => {
    const error = await refusal({ image: file('bomb.png', pngHeader(20_000, 10_000)), scale: 2 });
    expect(error.errors).toEqual([
      {
        pointer: '/payload/image',
        detail: 'has 20000 × 10000 = 200 megapixels, over the limit of 50',
        hint: expect.stringContaining('UPSCALE_MAX_INPUT_PIXELS'),
      },
    ]);
  });

  test('a result over the limit names the scale', async () => {
    const error = await refusal({ image: file('large.png', pngHeader(5_000, 4_000)), scale: 8 });
    expect(error.errors).toEqual([
      {
        pointer: '/payload/scale',
        detail: 'makes 1280 megapixels out of 5000 × 4000, over the limit of 400',
        hint: expect.stringContaining('UPSCALE_MAX_OUTPUT_PIXELS'),
      },
    ]);
  });

  test('a side that the format cannot hold names the format', async () => {
    const error = await refusal({ image: file('wide.png', pngHeader(9_000, 10)), scale: 2, format: 'webp' });
    expect(error.errors).toMatchObject([{ pointer: '/payload/format', detail: expect.stringContaining('18000') }]);
  });

  test('the limits can be set', async () => {
    const small = connectorWith({ max_input_pixels: 599 });
    const error = await refusal({ image: good, scale: 2 }, small);
    await small.cleanup();
    expect(error.errors?.[0]?.pointer).toBe('/payload/image');
  });
});

describe('the payload', () => {
  const { payload } = manifests[0]!;

  test('scale is 4 unless given; the example is valid', () => {
    expect(payload.parse({ image: 'file:a.png' })).toEqual({ image: 'file:a.png', scale: 4 });
    expect(payload.safeParse(manifests[0]!.example).success).toBe(true);
  });

  test.each([1, 5, 0, -2, 2.5, 16, '4', null, true])('scale %p is refused, naming what is accepted', async (scale) => {
    const error = await refusal({ image: good, scale });
    expect(error.errors).toMatchObject([{ pointer: '/payload/scale', detail: 'must be 2, 3, 4 or 8' }]);
  });

  test.each([
    [{ scale: 2 }, '/payload/image'],
    [{ image: 7 }, '/payload/image'],
    [{ image: '' }, '/payload/image'],
    [{ image: good, format: 'gif' }, '/payload/format'],
    [{ image: good, quality: 0 }, '/payload/quality'],
    [{ image: good, quality: 101 }, '/payload/quality'],
    [{ image: good, quality: 'high' }, '/payload/quality'],
    [{ image: good, sclae: 2 }, '/payload/sclae'],
  ])('%j is refused at %s', async (wrong, pointer) => {
    expect((await refusal(wrong)).errors?.map((error) => error.pointer)).toEqual([pointer]);
  });
});

describe('the configuration', () => {
  test('a bad value names the variable and every fault at once', async () => {
    const wrong = connectorWith({ threads: 0, idle_seconds: 'long' });
    const error: unknown = await wrong.initialize().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(
      /UPSCALE_THREADS.*at least 1[^]*UPSCALE_IDLE_SECONDS.*must be a number/,
    );
    await wrong.cleanup();
  });

  test('a change takes effect for the next job', async () => {
    const changing = connectorWith({ tile_size: 100 });
    expect((await upscale(changing, { image: good, scale: 2 }, pictureContext())).result.tiles).toBe(1);
    await changing.updateConfiguration({ tile_size: 10 });
    expect((await upscale(changing, { image: good, scale: 2 }, pictureContext())).result.tiles).toBe(6);
    await changing.cleanup();
  });

  test('service info says what it can do', async () => {
    expect(await connector.getServiceInfo()).toMatchObject({
      service_name: 'upscale',
      status: 'online',
      capabilities: { supported_models: ['esrgan-slim-2x', 'esrgan-slim-3x', 'esrgan-slim-4x'] },
    });
    expect(await connector.checkHealth()).toBe(true);
  });
});
