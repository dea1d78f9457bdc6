export interface PictureHead {
  width: number;
  height: number;
  /** As sharp names it, e.g. `png`. */
  format: string;
}

/**
 * What the head of a picture says; the pixels are not decoded.
 * @returns undefined when it is no picture
 */
export async function pictureHead(picture: Buffer | string): Promise<PictureHead | undefined> {
  try {
    // Loaded here: processes that serve texts only never need it.
    const { default: sharp } = await import('sharp');
    const { width, height, format } = await sharp(picture).metadata();
    return { width, height, format };
  } catch {
    return undefined;
  }
}
