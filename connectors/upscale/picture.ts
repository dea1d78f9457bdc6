import sharp from 'sharp';
import { ConnectorError } from '../contract/connector-error.ts';
import { countApngFrames } from './apng-frames.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import { LONGEST_SIDE, type PictureFormat, sniffFormat } from './picture-format.ts';
import type { Scale } from './scale.ts';
import type { Pixels } from './tile-window.ts';

const POINTER = '/payload/image';

/** What the header of a picture tells. */
export interface PictureHeader {
  path: string;
  format: PictureFormat;
  /** As it is to be seen: turned by its EXIF orientation. */
  width: number;
  height: number;
  alpha: boolean;
  grey: boolean;
  /** What of the picture will not be in the result. */
  warnings: string[];
}

export interface PictureLimits {
  maxInputPixels: number;
  maxOutputPixels: number;
}

/**
 * Reads the header only, so that a bomb is refused before anything is decoded.
 * @param target what the result will be; undefined: the format of the input
 * @throws ConnectorError `validation` naming the field, the problem and the way out
 */
export async function inspectPicture(
  path: string,
  scale: Scale,
  target: PictureFormat | undefined,
  limits: PictureLimits,
): Promise<PictureHeader> {
  const sniffed = await sniffFormat(path);
  if ('instead' in sniffed) {
    throw invalid(POINTER, `is ${sniffed.instead}`, 'give a PNG, JPEG or WebP picture');
  }
  const { format } = sniffed;
  const header = await sharp(path, { failOn: 'error', limitInputPixels: false })
    .metadata()
    .catch((error: Error) => {
      throw unreadable(format, error);
    });
  const { width, height } = header.autoOrient;
  checkSize(width, height, scale, target ?? format, limits);
  const warnings: string[] = [];
  const frames = format === 'png' ? await countApngFrames(path) : (header.pages ?? 1);
  if (frames > 1) warnings.push(`the picture is animated: only the first of its ${frames} frames was used`);
  if (header.depth === 'ushort') warnings.push('the picture has 16 bits a channel: the result has 8');
  return {
    path,
    format,
    width,
    height,
    alpha: header.hasAlpha,
    grey: header.space === 'b-w' || header.space === 'grey16',
    warnings,
  };
}

function checkSize(width: number, height: number, scale: Scale, target: PictureFormat, limits: PictureLimits): void {
  const size = `${width} × ${height}`;
  if (width * height > limits.maxInputPixels) {
    throw invalid(
      POINTER,
      `has ${size} = ${megapixels(width * height)} megapixels, over the limit of ${megapixels(limits.maxInputPixels)}`,
      'give a smaller picture; whoever runs the worker can raise UPSCALE_MAX_INPUT_PIXELS',
    );
  }
  const output = width * height * scale * scale;
  if (output > limits.maxOutputPixels) {
    throw invalid(
      '/payload/scale',
      `makes ${megapixels(output)} megapixels out of ${size}, over the limit of ${megapixels(limits.maxOutputPixels)}`,
      'choose a smaller scale or picture; whoever runs the worker can raise UPSCALE_MAX_OUTPUT_PIXELS',
    );
  }
  const longest = Math.max(width, height) * scale;
  if (longest > LONGEST_SIDE[target]) {
    throw invalid(
      '/payload/format',
      `cannot be ${target}: a side of ${longest} pixels is over the ${LONGEST_SIDE[target]} that ${target} can hold`,
      'choose png or a smaller scale',
    );
  }
}

/**
 * Decodes to 8-bit sRGB, turned by the EXIF orientation; colours are converted from an embedded profile.
 * @param flatten lay transparency on white
 * @throws ConnectorError `validation` when the picture is truncated or damaged, `out_of_memory`
 */
export async function decodePicture(header: PictureHeader, flatten: boolean): Promise<Pixels> {
  const keepAlpha = header.alpha && !flatten;
  let pipeline = sharp(header.path, { failOn: 'error', limitInputPixels: false }).autoOrient();
  if (flatten) pipeline = pipeline.flatten({ background: '#ffffff' });
  pipeline = keepAlpha ? pipeline.ensureAlpha() : pipeline.removeAlpha();
  try {
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: keepAlpha ? 4 : 3 };
  } catch (error) {
    throw unreadable(header.format, error as Error);
  }
}

function unreadable(format: PictureFormat, error: Error): ConnectorError {
  if (isOutOfMemory(error)) {
    return new ConnectorError('out_of_memory', `no memory to decode the picture: ${error.message}`, { cause: error });
  }
  const reason = error.message.trim().replaceAll(/\s*\n\s*/g, '; ');
  return invalid(
    POINTER,
    `is a ${format} that is truncated or damaged (${reason})`,
    'give the whole file: an interrupted download or upload is the usual cause',
    error,
  );
}

function invalid(pointer: string, detail: string, hint: string, cause?: unknown): ConnectorError {
  const field = pointer.slice(pointer.lastIndexOf('/') + 1);
  return new ConnectorError('validation', `${field} ${detail}: ${hint}`, {
    cause,
    errors: [{ pointer, detail, hint }],
  });
}

function megapixels(pixels: number): string {
  return (pixels / 1e6).toLocaleString('en', { maximumFractionDigits: 1, useGrouping: false });
}
