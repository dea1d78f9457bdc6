import { Readable } from 'node:stream';
import { HttpError } from './http-error.ts';
import { transportError } from './transport-error.ts';

export interface BodyLimits {
  /** Longest silence between two pieces while somebody reads. Milliseconds; 0: none. */
  idleMs: number;
  maxBytes: number;
  /** Method and URL, for messages. */
  where: string;
  status: number;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
  /** Called once, when the body has ended in whatever way. */
  onEnd: () => void;
}

/**
 * A body within limits: it ends with `output_too_large` past its size, with `timeout` when the other side falls silent,
 * with `service_unavailable` when the connection is cut, and with the signal's reason on abort. A reader that is slow
 * itself is never timed out. Nothing is read ahead beyond one buffer.
 */
export function limitedBody(body: Readable, limits: BodyLimits): Readable {
  const { maxBytes, idleMs, signal } = limits;
  let received = 0;
  let ended = false;
  let idle: NodeJS.Timeout | undefined;
  const fail = (code: 'timeout' | 'output_too_large', text: string) => stream.destroy(answerError(code, text, limits));
  const onAbort = () => stream.destroy(signal?.reason as Error);

  const stream = new Readable({
    highWaterMark: 64 * 1_024,
    read() {
      if (idleMs > 0 && !ended) {
        idle ??= setTimeout(
          () => fail('timeout', `the backend fell silent in the middle of its answer, for ${idleMs} ms`),
          idleMs,
        );
      }
      body.resume();
    },
    destroy(error, done) {
      clearTimeout(idle);
      signal?.removeEventListener('abort', onAbort);
      body.destroy();
      limits.onEnd();
      done(error);
    },
  });
  // A body that fails while nobody reads must not end the process; whoever reads gets the error all the same.
  stream.on('error', () => {});

  body.on('data', (chunk: Buffer) => {
    clearTimeout(idle);
    idle = undefined;
    received += chunk.length;
    if (received > maxBytes) fail('output_too_large', `the answer is over the limit of ${maxBytes} bytes`);
    else if (!stream.push(chunk)) body.pause();
  });
  body.on('end', () => {
    ended = true;
    clearTimeout(idle);
    stream.push(null);
  });
  body.on('error', (error) => stream.destroy(explained(error, limits)));
  body.on('close', () => {
    if (!ended) stream.destroy(explained(Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' }), limits));
  });
  body.pause();

  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  const announced = Number(limits.headers['content-length']);
  if (announced > maxBytes) {
    fail('output_too_large', `the answer of ${announced} bytes is over the limit of ${maxBytes} bytes`);
  }
  return stream;
}

function explained(error: Error, limits: BodyLimits): Error {
  if (limits.signal?.aborted) return limits.signal.reason as Error;
  const { code, message } = transportError(error, limits.where, true);
  return new HttpError(code, message, { cause: error, ...answered(limits) });
}

function answerError(code: 'timeout' | 'output_too_large', text: string, limits: BodyLimits): HttpError {
  return new HttpError(code, `${limits.where}: ${text}`, answered(limits));
}

function answered({ status, headers }: BodyLimits) {
  return { delivery: 'answered' as const, status, headers };
}
