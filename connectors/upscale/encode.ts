import { basename } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { ConnectorError } from '../contract/connector-error.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import type { PictureFormat } from './picture-format.ts';
import type { Pixels } from './tile-window.ts';

const DEFAULT_QUALITY = 90;
/**
 * Up to here, in pixels, JPEG gets the best codes (some per cent smaller), for which the encoder holds the whole picture
 * in memory: 6 bytes a pixel.
 */
const BEST_JPEG_CODES = 50_000_000;

export interface EncodeOptions {
  format: PictureFormat;
  /** 1–100, for jpeg and webp. */
  quality?: number;
  /** Of the result; where the canvas is smaller, Lanczos does the rest. */
  width: number;
  height: number;
  grey: boolean;
  /** One channel of the size of the result, made by {@link writeAlpha}. */
  alphaPath?: string;
}

/** Encodes a canvas file into `target`; libvips reads, enlarges and writes line by line on its own threads. */
export async function encodePicture(canvas: string, target: string, options: EncodeOptions): Promise<void> {
  let pipeline = sharp(canvas, { limitInputPixels: false, sequentialRead: true });
  pipeline = pipeline.resize(options.width, options.height, { kernel: 'lanczos3', fit: 'fill' });
  if (options.alphaPath) pipeline = pipeline.joinChannel(options.alphaPath, { limitInputPixels: false });
  if (options.grey) pipeline = pipeline.toColourspace('b-w');
  const quality = options.quality ?? DEFAULT_QUALITY;
  switch (options.format) {
    case 'png':
      pipeline = pipeline.png();
      break;
    case 'jpeg':
      pipeline = pipeline.jpeg({ quality, optimiseCoding: options.width * options.height <= BEST_JPEG_CODES });
      break;
    case 'webp':
      pipeline = pipeline.webp({ quality });
      break;
    default:
      throw new Error(`unknown format ${String(options.format satisfies never)}`);
  }
  await writeTo(target, pipeline);
}

/** Enlarges the alpha channel (Lanczos: the network knows colours only) into a file of libvips' own format. */
export async function writeAlpha(picture: Pixels, width: number, height: number, target: string): Promise<void> {
  const raw = { width: picture.width, height: picture.height, channels: picture.channels };
  const pipeline = sharp(picture.data, { raw, limitInputPixels: false })
    .extractChannel('alpha')
    .resize(width, height, { kernel: 'lanczos3', fit: 'fill' })
    .toColourspace('b-w');
  await writeTo(target, pipeline);
}

/**
 * libvips gives its errors no codes.
 * @throws Error with the code `ENOSPC` on a full disk, ConnectorError `out_of_memory`, or what libvips says
 */
async function writeTo(target: string, pipeline: Sharp): Promise<void> {
  try {
    await pipeline.toFile(target);
  } catch (error) {
    const { message } = error as Error;
    if (/no space left|quota exceeded/i.test(message)) {
      throw Object.assign(new Error(`no space left on device, writing ${basename(target)}`, { cause: error }), {
        code: 'ENOSPC',
      });
    }
    if (!isOutOfMemory(error)) throw error;
    throw new ConnectorError('out_of_memory', `no memory to encode the picture: ${message}`, { cause: error });
  }
}
