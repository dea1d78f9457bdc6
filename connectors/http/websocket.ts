import { WebSocket } from 'ws';
import { checkLiteralHost, guardedLookup, isPublicAddress } from '../../platform/inputs/address-guard.ts';
import { secretHider } from './hide-secrets.ts';
import { HttpError } from './http-error.ts';
import { errorAnswer } from './http-response.ts';
import { shownUrl } from './request-url.ts';
import { transportError } from './transport-error.ts';

export interface WebSocketOptions {
  /** `ws(s)://…`; `http(s)://…` is taken too. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  protocols?: readonly string[];
  /** Until it is open. Milliseconds. Default 10,000. */
  connect_timeout_ms?: number;
  /** Longest time without a message while somebody waits for one. Milliseconds. Default: none. */
  idle_timeout_ms?: number;
  /** How often the other side is pinged; one that does not answer until the next ping is gone. Default 15,000; 0: never. */
  ping_interval_ms?: number;
  /** Messages kept for a slow reader; then the socket is no longer read, until there is room. Default 256. */
  max_queue?: number;
  /** The same in bytes. Default 1 MiB. */
  max_queue_bytes?: number;
  /** Largest message. Bytes. Default 64 MiB. */
  max_message_bytes?: number;
  /** Refuse addresses that are not public: for a URL that comes out of an answer. Default: any may be reached. */
  public_only?: boolean;
  /** Ends the connection; reading then throws its reason. */
  signal?: AbortSignal;
}

export type SocketMessage = { text: string; binary?: undefined } | { binary: Buffer; text?: undefined };

export interface OpenWebSocket {
  /** Messages in order, once; ends when the other side closes normally (1000, 1001, 1005). */
  readonly messages: AsyncIterableIterator<SocketMessage>;
  /** @throws HttpError `service_unavailable` when it is not open */
  send(data: string | Buffer): void;
  /** Closes it in order, by force after a second. Can be called again. */
  close(): void;
}

/**
 * Opens a WebSocket and reads it as a loop over messages, with back-pressure.
 * @throws HttpError: the status of a refused upgrade by the one table, `timeout`, `service_unavailable`
 * @throws the signal's reason on abort
 */
export async function openWebSocket(options: WebSocketOptions): Promise<OpenWebSocket> {
  const { signal } = options;
  signal?.throwIfAborted();
  const url = new URL(options.url.replace(/^http/, 'ws'));
  const where = `WebSocket ${shownUrl(url)}`;
  if (options.public_only) refusePrivate(url, where);
  const socket = new WebSocket(url, [...(options.protocols ?? [])], {
    headers: options.headers,
    ...(options.public_only ? { lookup: guardedLookup(isPublicAddress) } : {}),
    maxPayload: options.max_message_bytes ?? 64 * 1_024 * 1_024,
    perMessageDeflate: false,
  });
  // From the first moment: the server may speak right behind the upgrade.
  const reader = new MessageReader(socket, where, options);
  try {
    await opened(socket, where, options);
  } catch (error) {
    reader.end(error as Error);
    socket.terminate();
    signal?.throwIfAborted();
    throw error;
  }
  reader.watch();
  return {
    messages: reader.messages(),
    send(data) {
      if (socket.readyState !== WebSocket.OPEN) {
        throw new HttpError('service_unavailable', `${where}: is not open`, { delivery: 'not_sent' });
      }
      socket.send(data);
    },
    close: () => reader.close(),
  };
}

function refusePrivate(url: URL, where: string): void {
  try {
    checkLiteralHost(url, isPublicAddress);
  } catch (error) {
    throw transportError(error, where, false);
  }
}

function opened(socket: WebSocket, where: string, options: WebSocketOptions): Promise<void> {
  const { signal, connect_timeout_ms: limit = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new HttpError('timeout', `${where}: not open within ${limit} ms`, { delivery: 'not_sent' }));
    }, limit);
    const onAbort = () => reject(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('open', () => resolve());
    socket.once('error', (error) => reject(transportError(error, where, false)));
    socket.once('unexpected-response', (_, response) => {
      const status = response.statusCode ?? 0;
      const headers = response.headers as Record<string, string>;
      const facts = { status, headers, where, timeout: limit };
      void errorAnswer(response, facts, secretHider(options.headers ?? {})).then(reject);
    });
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    socket.once('open', done).once('error', done).once('close', done);
  });
}

const NORMAL = new Set([1000, 1001, 1005]);
/** A side that does not answer the closing handshake is dropped. Milliseconds. */
const CLOSE_GRACE = 1_000;
/** What is read of it meanwhile. Bytes. */
const MAX_DISCARDED = 1_048_576;

class MessageReader {
  readonly #socket: WebSocket;
  readonly #where: string;
  readonly #options: WebSocketOptions;
  readonly #queue: SocketMessage[] = [];
  #queuedBytes = 0;
  #error: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  #ping: NodeJS.Timeout | undefined;
  #onAbort: (() => void) | undefined;

  constructor(socket: WebSocket, where: string, options: WebSocketOptions) {
    this.#socket = socket;
    this.#where = where;
    this.#options = options;
    const { max_queue: most = 256, max_queue_bytes: mostBytes = 1_048_576 } = options;
    socket.on('message', (data, isBinary) => {
      const buffer = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
      if (this.#ended) return this.#discard(buffer.length);
      this.#queue.push(isBinary ? { binary: buffer } : { text: buffer.toString('utf8') });
      this.#queuedBytes += buffer.length;
      if (this.#queue.length >= most || this.#queuedBytes >= mostBytes) socket.pause();
      this.#wake?.();
    });
    socket.on('error', (error) => this.end(this.#explained(error)));
    socket.on('close', (code, reason) => {
      this.end(NORMAL.has(code) ? undefined : this.#lost(`closed with ${code} ${reason.toString('utf8')}`.trim()));
    });
  }

  /** Starts pings and the watch on the signal. */
  watch(): void {
    const { signal, ping_interval_ms: every = 15_000 } = this.#options;
    this.#onAbort = () => this.#drop(signal?.reason as Error);
    if (signal?.aborted) return this.#onAbort();
    // The other side may have closed it right behind the opening.
    if (this.#ended) return;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (every <= 0) return;
    let answered = true;
    this.#socket.on('pong', () => {
      answered = true;
    });
    this.#ping = setInterval(() => {
      // A paused socket does not read pongs either: the silence is ours.
      if (!answered && !this.#socket.isPaused) return this.#drop(this.#lost(`no answer to a ping for ${every} ms`));
      answered = false;
      this.#socket.ping();
    }, every);
  }

  async *messages(): AsyncGenerator<SocketMessage> {
    try {
      for (;;) {
        const next = this.#queue.shift();
        if (next) {
          if (this.#queue.length === 0) {
            this.#queuedBytes = 0;
            if (this.#socket.isPaused) this.#socket.resume();
          }
          yield next;
        } else if (this.#ended) {
          if (this.#error) throw this.#error;
          return;
        } else await this.#wait();
      }
    } finally {
      this.close();
    }
  }

  /** No more messages after those that wait; the first call counts. */
  end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    clearInterval(this.#ping);
    if (this.#onAbort) this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#wake?.();
  }

  close(): void {
    const socket = this.#socket;
    this.end(undefined);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    if (socket.readyState === WebSocket.CLOSED) return;
    socket.resume();
    socket.close();
    const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  /** Messages that come while the closing handshake is under way; a side that just goes on is cut off. */
  #discard(bytes: number): void {
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > MAX_DISCARDED) this.#socket.terminate();
  }

  #drop(error: Error): void {
    // What waits was sent before an abort and is of no more use.
    this.#queue.length = 0;
    this.end(error);
    this.#socket.terminate();
  }

  #wait(): Promise<void> {
    const { idle_timeout_ms: idle } = this.#options;
    return new Promise((resolve) => {
      const timer =
        idle === undefined
          ? undefined
          : setTimeout(() => {
              const text = `${this.#where}: no message for ${idle} ms`;
              this.#drop(new HttpError('timeout', text, { delivery: 'answered' }));
            }, idle);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #explained(error: Error & { code?: string }): HttpError {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      return new HttpError('output_too_large', `${this.#where}: a message is over the size limit`, {
        delivery: 'answered',
        cause: error,
      });
    }
    return transportError(error, this.#where, true);
  }

  #lost(text: string): HttpError {
    return new HttpError('service_unavailable', `${this.#where}: ${text}`, { delivery: 'answered' });
  }
}
