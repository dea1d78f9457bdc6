import type { IncomingMessage } from 'node:http';
import { findJsonMistake } from './find-json-mistake.ts';
import { brokenOff, HttpProblem, SlowClientProblem } from './http-problem.ts';

export interface BodyLimits {
  maxBytes: number;
  /** Longest time from the head of the request to the end of its body, milliseconds. */
  timeoutMs: number;
}

/** Media type in lower case without parameters; empty when there is none. */
export function mediaType(req: IncomingMessage): string {
  return (req.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Bodies are taken as they are: unpacked they could be of any size. @throws HttpProblem unsupported_media */
export function refuseEncoding(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new HttpProblem('unsupported_media', `Content-Encoding ${encoding} is not taken; send the body as it is`);
}

/**
 * Reads a JSON body.
 * @returns undefined for an empty body when `optional` is set
 * @throws HttpProblem unsupported_media, payload_too_large, timeout, or malformed with the place of the mistake
 */
export async function readJson(req: IncomingMessage, limits: BodyLimits, optional = false): Promise<unknown> {
  const type = mediaType(req);
  const bytes = await expectBody(req, limits, optional, type === 'application/json' || type.endsWith('+json'));
  if (!bytes) return undefined;
  return parseJson(bytes);
}

async function expectBody(
  req: IncomingMessage,
  limits: BodyLimits,
  optional: boolean,
  isJson: boolean,
): Promise<Buffer | undefined> {
  if (!isJson) {
    if (optional && !hasBody(req)) return undefined;
    throw new HttpProblem(
      'unsupported_media',
      `Content-Type is ${mediaType(req) || 'missing'}; send the body as application/json`,
    );
  }
  refuseEncoding(req);
  const bytes = await readBytes(req, limits);
  if (bytes.length === 0 && optional) return undefined;
  return bytes;
}

function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** @throws HttpProblem malformed, saying where */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new HttpProblem('malformed', 'The body is not UTF-8', { cause: error });
  }
  if (text.trim() === '') throw new HttpProblem('malformed', 'The body is empty; send a JSON document');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpProblem('malformed', `The body is not JSON: ${placed(text)}`, {
      cause: error,
    });
  }
}

function placed(text: string): string {
  const mistake = findJsonMistake(text);
  if (!mistake) return 'it is no JSON document';
  const before = text.slice(0, mistake.offset);
  const line = before.split('\n').length;
  const column = mistake.offset - before.lastIndexOf('\n');
  return `${mistake.what} at line ${line}, column ${column} (position ${mistake.offset})`;
}

function readBytes(req: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer> {
  const tooLarge = () =>
    new HttpProblem('payload_too_large', `The body is over the limit of ${maxBytes} bytes`, {
      headers: { Connection: 'close' },
    });
  return new Promise((resolve, reject) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
      reject(tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      settle();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) finish(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = () => finish(() => resolve(Buffer.concat(chunks)));
    const onGone = () => finish(() => reject(brokenOff()));
    const timer = setTimeout(
      () => finish(() => reject(new SlowClientProblem(`The body did not arrive within ${timeoutMs / 1_000} s`))),
      timeoutMs,
    );
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
