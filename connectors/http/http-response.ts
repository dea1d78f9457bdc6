import type { Readable } from 'node:stream';
import { backendText } from './backend-text.ts';
import { HttpError } from './http-error.ts';
import { retryAfterOf } from './retry-after.ts';
import { codeOfStatus } from './status-codes.ts';

/** An answer whose headers have come; its body is read once, in one of the ways. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it comes, within size and idle limits; failing to read it to the end needs `destroy()`. */
  readonly stream: Readable;
  /** @throws HttpError `backend_error` when it is not JSON, with the beginning of what it is */
  json<T = unknown>(): Promise<T>;
  text(): Promise<string>;
  bytes(): Promise<Buffer>;
  /** Lets the answer go unread. */
  discard(): Promise<void>;
}

export interface AnswerFacts {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Method and URL, for messages. */
  where: string;
  /** For reading the whole body. Milliseconds. */
  timeout: number;
}

const MAX_ERROR_BYTES = 64 * 1_024;
/** The reason of a failure is not worth a long wait. Milliseconds. */
const ERROR_BODY_TIMEOUT = 5_000;

/** The answer as callers read it. */
export function readAnswer(stream: Readable, facts: AnswerFacts): HttpResponse {
  const { status, headers, where, timeout } = facts;
  const bytes = () => readWhole(stream, timeout, where);
  const text = async () => (await bytes()).toString('utf8');
  return {
    status,
    headers,
    stream,
    bytes,
    text,
    async json<T>() {
      const body = await text();
      try {
        return JSON.parse(body) as T;
      } catch (error) {
        const shown = body.length > 200 ? `${body.slice(0, 200)}…` : body;
        const kind = headers['content-type'] ?? 'no content type';
        const problem = `${where}: the answer is not JSON (${kind}): ${shown || 'empty'}`;
        throw new HttpError('backend_error', problem, { cause: error, delivery: 'answered', status, headers });
      }
    },
    async discard() {
      stream.destroy();
    },
  };
}

/** Reads what an error answer says. Whatever goes wrong with that, the status still counts. */
export async function errorAnswer(
  stream: Readable,
  facts: AnswerFacts,
  hide: (text: string) => string,
): Promise<HttpError> {
  const { status, headers, where } = facts;
  const text = hide(await beginningOf(stream));
  const body = parsed(text);
  const { code, retryable } = codeOfStatus(status);
  const said = backendText(body);
  return new HttpError(code, `${where} answered ${status}${said ? `: ${said}` : ''}`, {
    delivery: 'answered',
    status,
    headers,
    body,
    retryable,
    retry_after_ms: retryAfterOf(headers, Date.now()),
  });
}

async function readWhole(stream: Readable, timeoutMs: number, where: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const overdue = new HttpError('timeout', `${where}: the answer did not end within ${timeoutMs} ms`, {
    delivery: 'answered',
  });
  const timer = setTimeout(() => stream.destroy(overdue), timeoutMs);
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}

async function beginningOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => stream.destroy(), ERROR_BODY_TIMEOUT);
  try {
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes >= MAX_ERROR_BYTES) break;
    }
  } catch {
    // A cut or silent error body: what has come is enough.
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, MAX_ERROR_BYTES);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
