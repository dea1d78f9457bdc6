/** Longest head. Bytes. */
const MAX_HEAD = 4_194_304;

/** A document and the bytes that belong to it: length of the JSON head (32 bits, big endian), the head, the bytes. */
export function encodeFrame(head: object, ...bodies: Buffer[]): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, ...bodies]);
}

/** @returns undefined for what is no frame */
export function decodeFrame(frame: Buffer): { head: unknown; body: Buffer } | undefined {
  if (frame.length < 4) return undefined;
  const end = 4 + frame.readUInt32BE(0);
  if (end > frame.length || end > MAX_HEAD) return undefined;
  try {
    return { head: JSON.parse(frame.toString('utf8', 4, end)) as unknown, body: frame.subarray(end) };
  } catch {
    return undefined;
  }
}
