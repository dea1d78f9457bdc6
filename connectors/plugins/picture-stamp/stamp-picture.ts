import type { Sharp } from 'sharp';
import type { StampOptions } from './options.ts';

const TAGS = {
  artist: 'Artist',
  copyright: 'Copyright',
  description: 'ImageDescription',
  software: 'Software',
} as const;

/**
 * The picture with its stamp, colours and metadata kept.
 * @param fillings for `{name}` in the texts
 * @returns undefined for an animation
 */
export async function stampPicture(
  path: string,
  format: 'png' | 'jpeg' | 'webp',
  options: StampOptions,
  fillings: Readonly<Record<string, string>>,
): Promise<Buffer | undefined> {
  // Loaded here: a worker whose jobs make no pictures never needs it.
  const { default: sharp } = await import('sharp');
  const open = (file: string) => sharp(file, { limitInputPixels: options.max_pixels });
  const { width, height, pages = 1 } = await open(path).metadata();
  if (pages > 1) return undefined;
  let picture = open(path).keepMetadata();
  if (options.watermark) {
    const { overlay, left, top } = await markFor(options.watermark, open, { width, height });
    picture = picture.composite([{ input: overlay, left, top }]);
  }
  const texts = Object.entries(options.metadata ?? {}).map(([key, text]) => [
    TAGS[key as keyof typeof TAGS],
    fill(text, fillings),
  ]);
  if (texts.length > 0) picture = picture.withExifMerge({ IFD0: Object.fromEntries(texts) as Record<string, string> });
  return picture.toFormat(format, format === 'png' ? {} : { quality: options.quality }).toBuffer();
}

async function markFor(
  { image, width, margin, opacity, position }: NonNullable<StampOptions['watermark']>,
  open: (file: string) => Sharp,
  picture: { width: number; height: number },
) {
  const gap = Math.round(picture.width * margin);
  const room = { width: Math.max(1, picture.width - 2 * gap), height: Math.max(1, picture.height - 2 * gap) };
  const { data, info } = await open(image)
    .resize({
      width: Math.min(room.width, Math.max(1, Math.round(picture.width * width))),
      height: room.height,
      fit: 'inside',
    })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let at = info.channels - 1; at < data.length; at += info.channels)
    data[at] = Math.round((data[at] ?? 0) * opacity);
  const overlay = await (await import('sharp')).default(data, { raw: info }).png().toBuffer();
  const right = picture.width - info.width - gap;
  const bottom = picture.height - info.height - gap;
  const left = position.endsWith('east')
    ? right
    : position.endsWith('west')
      ? gap
      : Math.round((picture.width - info.width) / 2);
  const top = position.startsWith('south')
    ? bottom
    : position.startsWith('north')
      ? gap
      : Math.round((picture.height - info.height) / 2);
  return { overlay, left: Math.max(0, left), top: Math.max(0, top) };
}

function fill(text: string, fillings: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(fillings, name) ? (fillings[name] ?? '') : whole,
  );
}
