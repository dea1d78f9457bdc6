import { Readable } from 'node:stream';
import { FormData } from 'undici';
import type { HttpClient } from './http-client.ts';
import { HttpError } from './http-error.ts';

/** Limits of one request; what is left out is as in the client. */
export interface ExchangeLimits {
  timeout_ms?: number;
  idle_timeout_ms?: number;
  max_response_bytes?: number;
}

/**
 * What became of the one request that a call of an SDK makes. An SDK wraps network errors and tells time-outs by their
 * text; here they are as they were.
 */
export class Exchange {
  readonly limits: ExchangeLimits;
  /** Ends the request and the reading of its answer. An SDK's own signals stay tied to what it is handed for good. */
  readonly signal: AbortSignal | undefined;
  status: number | undefined;
  /** Of the answer, names in lower case. */
  headers: Readonly<Record<string, string>> = {};
  /** Why there was no answer, or no end of it. */
  failure: HttpError | undefined;

  constructor(limits: ExchangeLimits = {}, signal?: AbortSignal) {
    this.limits = limits;
    this.signal = signal;
  }
}

/** Refusals are answers to an SDK: it reads them itself. */
const REFUSALS = Array.from({ length: 200 }, (_, index) => 400 + index);
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * A `fetch` for a vendor's SDK that goes through our client: its pool, deadlines, limits and error table. Switch the SDK's
 * own retries and time-outs off.
 */
export function sdkFetch(http: HttpClient, exchange: Exchange): typeof globalThis.fetch {
  const send = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { signal, release } = either(exchange.signal, init.signal ?? undefined);
    try {
      const answer = await http.request({
        method: init.method,
        path: String(input instanceof Request ? input.url : input),
        headers: Object.fromEntries(new Headers(init.headers)),
        body: bodyOf(init.body),
        signal,
        ok_statuses: REFUSALS,
        ...exchange.limits,
      });
      exchange.status = answer.status;
      exchange.headers = answer.headers;
      answer.stream.once('error', (error) => note(error, exchange)).once('close', release);
      if (WITHOUT_BODY.has(answer.status)) await answer.discard();
      const body = WITHOUT_BODY.has(answer.status) ? null : (Readable.toWeb(answer.stream) as ReadableStream);
      return new Response(body, { status: answer.status, headers: answer.headers });
    } catch (error) {
      release();
      note(error, exchange);
      throw error;
    }
  };
  // By this the SDKs see that forms made of the global FormData can be sent.
  return Object.assign(send, { Response });
}

/** A signal that follows two others until it is released. */
function either(a: AbortSignal | undefined, b: AbortSignal | undefined) {
  const controller = new AbortController();
  const onA = () => controller.abort(a?.reason);
  const onB = () => controller.abort(b?.reason);
  if (a?.aborted) onA();
  if (b?.aborted) onB();
  a?.addEventListener('abort', onA, { once: true });
  b?.addEventListener('abort', onB, { once: true });
  const release = () => {
    a?.removeEventListener('abort', onA);
    b?.removeEventListener('abort', onB);
  };
  return { signal: controller.signal, release };
}

function note(error: unknown, exchange: Exchange): void {
  if (error instanceof HttpError) exchange.failure ??= error;
}

function bodyOf(body: RequestInit['body']): string | Buffer | FormData | Readable | undefined {
  if (body === null || body === undefined) return undefined;
  if (typeof body === 'string') return body;
  if (body instanceof globalThis.FormData) return ownForm(body);
  if (body instanceof ReadableStream) return Readable.fromWeb(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError(`a body of type ${Object.prototype.toString.call(body)} cannot be sent`);
}

/** undici's client takes its own FormData only. */
function ownForm(form: globalThis.FormData): FormData {
  const own = new FormData();
  for (const [name, value] of form.entries()) {
    if (typeof value === 'string') own.append(name, value);
    else own.append(name, value, value.name);
  }
  return own;
}
