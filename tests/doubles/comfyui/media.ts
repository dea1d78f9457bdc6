import sharp from 'sharp';

/** A real PNG of one colour. */
export function png(width: number, height: number, color: number): Promise<Buffer> {
  const background = { r: (color >> 16) & 255, g: (color >> 8) & 255, b: color & 255 };
  return sharp({ create: { width, height, channels: 3, background } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** The beginnings that tell these kinds from each other, and a little behind them. */
export function mp4(): Buffer {
  return Buffer.concat([
    Buffer.from('00000020667479706d70343200000000', 'hex'),
    Buffer.from('mp42isom'),
    Buffer.alloc(64),
  ]);
}

export function flac(): Buffer {
  return Buffer.concat([Buffer.from('fLaC'), Buffer.from('00000022', 'hex'), Buffer.alloc(64)]);
}

export function glb(): Buffer {
  return Buffer.concat([Buffer.from('glTF'), Buffer.from('0200000054000000', 'hex'), Buffer.alloc(72)]);
}
