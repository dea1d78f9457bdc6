import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { problemOf } from '../http/problem-of.ts';
import type { RequestGuard } from '../http/request-guard.ts';
import { refuseSocket } from '../http/refuse-socket.ts';
import { requestIdOf } from '../http/request-id.ts';
import { leaveUpgradesAside } from '../http/leave-upgrades-aside.ts';
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
    const leaveAside = leaveUpgradesAside(http);
    http.on('upgrade', (req, socket, head) => {
      if (req.headers.upgrade?.toLowerCase() === 'websocket') this.#upgrade(req, socket, head);
      else leaveAside(req, socket, head);
    });
    this.#server.on('wsClientError', (error, socket, req) =>
      refuseSocket(socket, badHandshake(error), requestIdOf(req)),
    );
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
      const path = pathOf(req.url ?? '/');
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
      const requestId = requestIdOf(req);
      const problem = problemOf(error);
      if (problem.code === 'internal')
        this.#api.logger.error({ err: error, request_id: requestId }, 'upgrading a connection');
      refuseSocket(socket, problem, requestId);
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

function pathOf(url: string): string {
  const base = 'http://localhost';
  return URL.canParse(url, base) ? new URL(url, base).pathname : url;
}

function badHandshake(error: Error): HttpProblem {
  return new HttpProblem('malformed', `This is no WebSocket handshake (RFC 6455): ${error.message}`, {
    headers: { 'Sec-WebSocket-Version': '13, 8' },
  });
}
