import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { LiveHub } from '../../platform/live/live-hub.ts';
import { bridgeSocket } from '../../platform/live/ws-bridge.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { HttpProblem } from '../http/http-problem.ts';

/** A preview and its head. Bytes. */
const MAX_MESSAGE = 16_777_216;
const MAX_WORKERS = 2_000;
/** A worker that has not answered a ping by the next one is gone. Milliseconds. */
const PING_EVERY_MS = 15_000;

/** Where workers bring their live streams: with the token only, and never from a browser. */
export class LiveDoor {
  readonly #hub: LiveHub;
  readonly #token: string;
  readonly #logger: Logger;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  readonly #pings: NodeJS.Timeout;
  readonly #alive = new WeakSet<object>();

  constructor(hub: LiveHub, token: string, logger: Logger) {
    this.#hub = hub;
    this.#token = token;
    this.#logger = logger;
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#pings.unref();
  }

  /** @throws HttpProblem for anyone who is no worker of ours */
  check(req: IncomingMessage): void {
    const given = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    if (req.headers.origin === undefined && same(given, this.#token)) {
      if (this.#server.clients.size < MAX_WORKERS) return;
      throw new HttpProblem('rate_limited', 'Too many workers are connected here', { headers: { 'Retry-After': '5' } });
    }
    const message =
      'Workers bring their live streams here, with the token of SWITCHYARD_LIVE_TOKEN; to watch, use /api/ws';
    throw new HttpProblem('authentication', message);
  }

  take(req: IncomingMessage, socket: Duplex, head: Buffer, done: () => void): void {
    this.#server.handleUpgrade(req, socket, head, (worker) => {
      done();
      this.#alive.add(worker);
      worker.on('pong', () => this.#alive.add(worker));
      // Told by `close` as well; without a listener it would end the process.
      worker.on('error', (error) => this.#logger.debug({ err: error }, 'live channel'));
      bridgeSocket(worker, this.#hub);
    });
  }

  close(): void {
    clearInterval(this.#pings);
    // They come again by themselves, to the next API process.
    for (const worker of this.#server.clients) worker.terminate();
    this.#server.close();
  }

  #ping(): void {
    for (const worker of this.#server.clients) {
      if (!this.#alive.delete(worker)) worker.terminate();
      else worker.ping();
    }
  }
}

/** Takes the same time whatever differs. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
