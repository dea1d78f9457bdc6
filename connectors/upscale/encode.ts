import sharp from 'sharp';
import type { PictureFormat } from './picture-format.ts';
import type { Pixels } from './tile-window.ts';

const DEFAULT_QUALITY = 90;
/**
 * zlib level of PNG results; see docs/performance.md. Higher levels take several times as long for a few per cent.
 */
const PNG_LEVEL = 4;

export interface EncodeOptions {
  format: PictureFormat;
  /** 1–100, for jpeg and webp. */
  quality?: number;
  grey: boolean;
  /** One channel of the size of the canvas, made by {@link writeAlpha}. */
  alphaPath?: string;
}

/** Encodes a canvas file into `target`; libvips reads and writes line by line on its own threads. */
export async function encodePicture(canvas: string, target: string, options: EncodeOptions): Promise<void> {
  let pipeline = sharp(canvas, { limitInputPixels: false, sequentialRead: true });
  if (options.alphaPath) pipeline = pipeline.joinChannel(options.alphaPath, { limitInputPixels: false });
  if (options.grey) pipeline = pipeline.toColourspace('b-w');
  const quality = options.quality ?? DEFAULT_QUALITY;
  switch (options.format) {
    case 'png':
      pipeline = pipeline.png({ compressionLevel: PNG_LEVEL });
      break;
    case 'jpeg':
      pipeline = pipeline.jpeg({ quality });
      break;
    case 'webp':
      pipeline = pipeline.webp({ quality });
      break;
    default:
      throw new Error(`unknown format ${String(options.format satisfies never)}`);
  }
  await pipeline.toFile(target);
}

/** Enlarges the alpha channel (Lanczos: the network knows colours only) into a file of libvips' own format. */
export async function writeAlpha(picture: Pixels, scale: number, target: string): Promise<void> {
  const { data, width, height, channels } = picture;
  await sharp(data, { raw: { width, height, channels }, limitInputPixels: false })
    .extractChannel('alpha')
    .resize(width * scale, height * scale, { kernel: 'lanczos3', fit: 'fill' })
    .toColourspace('b-w')
    .toFile(target);
}
