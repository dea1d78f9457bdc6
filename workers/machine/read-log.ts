import { open, stat } from 'node:fs/promises';

export interface LogPart {
  lines: string[];
  /** Where the next part begins; of a log that was put aside meanwhile it starts anew. */
  next: number;
}

/** Of one part. Bytes. */
const MOST = 128 * 1_024;

/**
 * The end of a log, or what was written after a place in it.
 * @param after what an earlier part gave as `next`
 * @param most lines, counted from the end
 */
export async function readLog(path: string, most: number, after?: number): Promise<LogPart> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const from = after === undefined || after > size ? Math.max(0, size - MOST) : Math.max(after, size - MOST);
  if (size === from) return { lines: [], next: size };
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    // The last line may still be in the writing.
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10);
    if (end < 0) return { lines: [], next: from };
    const lines = buffer.subarray(0, end).toString('utf8').split('\n');
    if (from > 0 && from !== after) lines.shift();
    return { lines: lines.slice(-most), next: from + end + 1 };
  } finally {
    await file.close();
  }
}
