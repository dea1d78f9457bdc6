import { RECEPTIVE_RADIUS } from './scale.ts';
import type { Tile } from './tile-grid.ts';

/** Decoded pixels, 8 bits a channel, sRGB. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  /** RGB or RGBA. */
  channels: 3 | 4;
}

/**
 * How far colours are spread into fully transparent surroundings, in pixels: past the reach of the interpolated alpha
 * (3 pixels with Lanczos) nothing shows.
 */
const COLOUR_SPREAD = 4;

export interface Window {
  width: number;
  height: number;
  /** 8-bit RGB */
  pixels: Uint8Array<ArrayBuffer>;
}

/**
 * A tile with the surroundings its result depends on. Beyond the picture its outermost pixels go on: the network's own
 * zeros there would leave a dark, blurred rim (measured at 4×: error at the rim 6.5 instead of 11.6 levels).
 */
export function cutWindow(picture: Pixels, tile: Tile): Window {
  if (picture.channels === 3) return { ...cut(picture, tile, RECEPTIVE_RADIUS) };
  const wide = cut(picture, tile, RECEPTIVE_RADIUS + COLOUR_SPREAD);
  spreadColours(wide);
  return withoutAlpha(wide);
}

function cut(picture: Pixels, tile: Tile, margin: number): Window {
  const { data, channels } = picture;
  const width = tile.width + 2 * margin;
  const height = tile.height + 2 * margin;
  const pixels = new Uint8Array(width * height * channels);
  const inside = { from: Math.max(0, tile.x - margin), to: Math.min(picture.width, tile.x + tile.width + margin) };
  const left = inside.from - (tile.x - margin);
  for (let row = 0; row < height; row++) {
    const y = clamp(tile.y - margin + row, picture.height);
    const source = y * picture.width;
    const target = row * width;
    pixels.set(
      data.subarray((source + inside.from) * channels, (source + inside.to) * channels),
      (target + left) * channels,
    );
    const right = left + inside.to - inside.from;
    for (let x = 0; x < left; x++) repeat(pixels, (target + left) * channels, (target + x) * channels, channels);
    for (let x = right; x < width; x++)
      repeat(pixels, (target + right - 1) * channels, (target + x) * channels, channels);
  }
  return { width, height, pixels };
}

function clamp(value: number, length: number): number {
  return Math.max(0, Math.min(length - 1, value));
}

function repeat(pixels: Uint8Array, from: number, to: number, channels: number): void {
  for (let c = 0; c < channels; c++) pixels[to + c] = pixels[from + c]!;
}

/**
 * Fully transparent pixels have any colour, often black; enlarged, it would darken the visible edge beside them. So
 * each takes the mean of its coloured neighbours, ring by ring. Only the colours change, and only in the window.
 */
function spreadColours(window: Window): void {
  const { width, height, pixels } = window;
  const known = new Uint8Array(width * height);
  for (let i = 0; i < known.length; i++) known[i] = pixels[i * 4 + 3]! > 0 ? 1 : 0;
  for (let ring = 0; ring < COLOUR_SPREAD; ring++) {
    const found: number[] = [];
    for (let i = 0; i < known.length; i++) {
      if (known[i] === 0 && takeNeighboursMean(window, known, i)) found.push(i);
    }
    if (found.length === 0) return;
    for (const i of found) known[i] = 1;
  }
}

function takeNeighboursMean({ width, height, pixels }: Window, known: Uint8Array, i: number): boolean {
  const x = i % width;
  const y = (i - x) / width;
  const sum = [0, 0, 0];
  let count = 0;
  for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
    for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
      const n = ny * width + nx;
      if (known[n] === 0) continue;
      for (let c = 0; c < 3; c++) sum[c]! += pixels[n * 4 + c]!;
      count++;
    }
  }
  if (count === 0) return false;
  for (let c = 0; c < 3; c++) pixels[i * 4 + c] = Math.round(sum[c]! / count);
  return true;
}

/** Drops alpha and the extra surroundings that only the colours needed. */
function withoutAlpha(wide: Window): Window {
  const width = wide.width - 2 * COLOUR_SPREAD;
  const height = wide.height - 2 * COLOUR_SPREAD;
  const pixels = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = ((y + COLOUR_SPREAD) * wide.width + COLOUR_SPREAD) * 4;
    for (let x = 0; x < width; x++) {
      pixels[to] = wide.pixels[from]!;
      pixels[to + 1] = wide.pixels[from + 1]!;
      pixels[to + 2] = wide.pixels[from + 2]!;
      to += 3;
      from += 4;
    }
  }
  return { width, height, pixels };
}
