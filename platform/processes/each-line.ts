import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are cut into pieces: a program that never ends its line must not fill our memory. Characters. */
const MAX_LINE = 64 * 1024;

/**
 * Calls back with each line of a stream of UTF-8 text. A carriage return ends a line too: progress bars are drawn with
 * it. Empty lines are left out.
 */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string) => {
    const parts = (rest + text).split(/[\r\n]+/);
    rest = parts.pop() as string;
    for (const part of parts) if (part !== '') onLine(part);
    while (rest.length > MAX_LINE) {
      onLine(rest.slice(0, MAX_LINE));
      rest = rest.slice(MAX_LINE);
    }
  };
  stream.on('data', (chunk: Buffer | string) => take(typeof chunk === 'string' ? chunk : decoder.write(chunk)));
  stream.on('end', () => {
    take(decoder.end());
    if (rest !== '') onLine(rest);
    rest = '';
  });
  // A pipe that breaks ends; what came so far was handed on.
  stream.on('error', () => {});
}
