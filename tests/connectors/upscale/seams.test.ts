import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RECEPTIVE_RADIUS, SCALES } from '../../../connectors/upscale/scale.ts';
import {
  connectorWith,
  cropped,
  decoded,
  encoded,
  largestDifference,
  removeContexts,
  reference,
  testPicture,
  upscale,
  withMargin,
} from './harness.ts';

const WIDTH = 58;
const HEIGHT = 41;

const folder = mkdtempSync(join(tmpdir(), 'switchyard-seams-'));
const path = join(folder, 'noise.png');
const picture = testPicture(WIDTH, HEIGHT);
const tiled = connectorWith({ tile_size: 16 });
const whole = connectorWith({ tile_size: 512 });

afterAll(async () => {
  await Promise.all([tiled.cleanup(), whole.cleanup()]);
  await removeContexts();
  rmSync(folder, { recursive: true });
});

async function both(scale: number) {
  await encoded(picture).png().toFile(path);
  return {
    tiles: await upscale(tiled, { image: path, scale }),
    one: await upscale(whole, { image: path, scale }),
  };
}

describe('tiles have no seams', () => {
  test.each([...SCALES])('at %d× the picture is the same as when it is enlarged in one piece', async (scale) => {
    const { tiles, one } = await both(scale);
    expect(tiles.result).toMatchObject({ tiles: 12, width: WIDTH * scale, height: HEIGHT * scale });
    expect(one.result.tiles).toBe(1);
    const [a, b] = [await decoded(tiles.file), await decoded(one.file)];
    expect([a.width, a.height, a.channels]).toEqual([WIDTH * scale, HEIGHT * scale, 3]);
    expect(largestDifference(a.data, b.data)).toBe(0);
  });

  test.each([2, 3, 4])('at %d× it is what the network of the package makes of the whole picture', async (scale) => {
    const { tiles } = await both(scale);
    const margin = RECEPTIVE_RADIUS;
    const expected = await cropped(
      reference(withMargin(picture, margin), scale),
      margin * scale,
      margin * scale,
      WIDTH * scale,
      HEIGHT * scale,
    );
    expect(largestDifference((await decoded(tiles.file)).data, expected.data)).toBeLessThanOrEqual(1);
  });

  test('a margin only a little smaller than the receptive radius would show', () => {
    const scale = 2;
    const size = 16;
    const inside = 20;
    const expected = reference(picture, scale);
    const cut = async (margin: number) => {
      const window = await cropped(picture, inside - margin, 12 - margin, size + 2 * margin, size + 2 * margin);
      const tile = await cropped(reference(window, scale), margin * scale, margin * scale, size * scale, size * scale);
      const same = await cropped(expected, inside * scale, 12 * scale, size * scale, size * scale);
      return largestDifference(tile.data, same.data);
    };
    return Promise.all([
      expect(cut(RECEPTIVE_RADIUS)).resolves.toBeLessThanOrEqual(1),
      expect(cut(4)).resolves.toBeGreaterThan(2),
      expect(cut(0)).resolves.toBeGreaterThan(20),
    ]);
  });
});
