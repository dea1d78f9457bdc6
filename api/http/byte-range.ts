import { HttpProblem } from './http-problem.ts';

export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/**
 * Reads a Range header (RFC 9110, 14.2) with one range; several ranges and other units may be ignored, and are.
 * @returns undefined: send everything
 * @throws RangeNotSatisfiable
 */
export function byteRange(header: string | undefined, bytes: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const last = bytes - 1;
  const start = match[1] === '' ? Math.max(0, bytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? last : Math.min(Number(match[2]), last);
  if (match[1] !== '' && match[2] !== '' && Number(match[2]) < start) return undefined;
  if (start > last || (match[1] === '' && Number(match[2]) === 0)) throw new RangeNotSatisfiable(bytes);
  return { start, end };
}

/** 416 has no code of its own: the request is not valid for this artifact. */
export class RangeNotSatisfiable extends HttpProblem {
  constructor(bytes: number) {
    super('validation', `The range lies outside of the ${bytes} bytes there are`, {
      status: 416,
      headers: { 'Content-Range': `bytes */${bytes}` },
    });
  }
}
