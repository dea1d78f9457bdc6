import { open } from 'node:fs/promises';

export const FORMATS = ['png', 'jpeg', 'webp'] as const;
export type PictureFormat = (typeof FORMATS)[number];

/** File name extension of a format. */
export const EXTENSION: Record<PictureFormat, string> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

/** Longest side that a file of this format can have, pixels. */
export const LONGEST_SIDE: Record<PictureFormat, number> = { png: 2_147_483_647, jpeg: 65_535, webp: 16_383 };

interface Signature {
  format: PictureFormat | undefined;
  name: string;
  matches: (head: Buffer) => boolean;
}

const startsWith =
  (text: string, at = 0) =>
  (head: Buffer) =>
    head.toString('latin1', at, at + text.length) === text;

const SIGNATURES: Signature[] = [
  { format: 'png', name: 'PNG', matches: startsWith('\x89PNG\r\n\x1a\n') },
  { format: 'jpeg', name: 'JPEG', matches: startsWith('\xff\xd8\xff') },
  { format: 'webp', name: 'WebP', matches: (head) => startsWith('RIFF')(head) && startsWith('WEBP', 8)(head) },
  { format: undefined, name: 'a GIF', matches: startsWith('GIF8') },
  { format: undefined, name: 'a TIFF', matches: (head) => startsWith('II*\0')(head) || startsWith('MM\0*')(head) },
  { format: undefined, name: 'a BMP', matches: startsWith('BM') },
  { format: undefined, name: 'a PDF', matches: startsWith('%PDF') },
  {
    format: undefined,
    name: 'an AVIF or HEIF',
    matches: (head) => /^ftyp(avif|avis|heic|heix|mif1)/.test(head.toString('latin1', 4, 12)),
  },
  {
    format: undefined,
    name: 'an SVG or another XML file',
    matches: (head) => /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!DOCTYPE svg|!--)/i.test(head.toString('latin1')),
  },
];

/**
 * What a file is by its first bytes. The decoding library reads far more formats, some of them (SVG) programs in
 * themselves: nothing reaches it that is not one of ours.
 * @returns the format, or what it is instead, in words
 */
export async function sniffFormat(path: string): Promise<{ format: PictureFormat } | { instead: string }> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead === 0) return { instead: 'an empty file' };
    const found = SIGNATURES.find((signature) => signature.matches(head.subarray(0, bytesRead)));
    if (!found) return { instead: 'no picture' };
    return found.format ? { format: found.format } : { instead: found.name };
  } finally {
    await file.close();
  }
}
