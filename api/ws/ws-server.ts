import type { IncomingMessage, Server } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { problemOf } from '../http/problem-of.ts';
import type { RequestGuard } from '../http/request-guard.ts';
import { problemDocument } from '../http/write-problem.ts';
import { LIVE_PATH } from '../../platform/live/endpoint.ts';
import type { LiveDoor } from './live-door.ts';
import { serveSocket } from './ws-connection.ts';

const WS_PATH = '/api/ws';
const MAX_MESSAGE_BYTES = 64 * 1_024;
const MAX_CONNECTIONS = 500;
/** A client that has not answered a ping by the next one is gone. Milliseconds. */
const PING_EVERY_MS = 30_000;
/** Going away (RFC 6455). */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_GRACE_MS = 2_000;

/** Takes WebSocket upgrades of an HTTP server. Compression is off: it costs memory per connection and little is sent. */
export class WsServer {
  readonly #api: ApiContext;
  readonly #guard: RequestGuard;
  readonly #door: LiveDoor;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: true,
  });
  readonly #alive = new WeakSet<WebSocket>();
  readonly #pings: NodeJS.Timeout;

  constructor(api: ApiContext, guard: RequestGuard, door: LiveDoor, http: Server) {
    this.#api = api;
    this.#door = door;
    this.#guard = guard;
    http.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#pings.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#door.close();
    for (const socket of this.#server.clients) socket.close(CLOSE_GOING_AWAY, 'the API stops; connect again');
    const timer = setTimeout(() => {
      for (const socket of this.#server.clients) socket.terminate();
    }, CLOSE_GRACE_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(timer);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until the upgrade is done nobody else listens: a reset would end the process.
    const onError = () => socket.destroy();
    socket.on('error', onError);
    try {
      const path = new URL(req.url ?? '/', 'http://localhost').pathname;
      if (path === LIVE_PATH) {
        this.#door.check(req);
        this.#door.take(req, socket, head, () => socket.off('error', onError));
        return;
      }
      this.#guard.checkHost(req);
      if (path !== WS_PATH) {
        throw new HttpProblem('not_found', `WebSockets are at ${WS_PATH}`);
      }
      this.#guard.checkOrigin(req);
      if (this.#server.clients.size >= MAX_CONNECTIONS) {
        throw new HttpProblem('rate_limited', 'Too many WebSockets are open here', { headers: { 'Retry-After': '5' } });
      }
    } catch (error) {
      refuse(socket, problemOf(error));
      return;
    }
    this.#server.handleUpgrade(req, socket, head, (client) => {
      socket.off('error', onError);
      this.#take(client);
    });
  }

  #take(client: WebSocket): void {
    const { logger, metrics } = this.#api;
    metrics.connections.inc({ kind: 'websocket' });
    client.once('close', () => metrics.connections.dec({ kind: 'websocket' }));
    this.#alive.add(client);
    client.on('pong', () => this.#alive.add(client));
    serveSocket(client, this.#api, logger);
  }

  #ping(): void {
    for (const client of this.#server.clients) {
      if (!this.#alive.delete(client)) client.terminate();
      else client.ping();
    }
  }
}

function refuse(socket: Duplex, problem: HttpProblem): void {
  const body = JSON.stringify(problemDocument(problem));
  const headers = {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
    ...problem.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
