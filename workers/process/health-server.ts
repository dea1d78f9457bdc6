import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { parseDuration } from '../../contract/duration.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Logger } from '../../platform/logging/logger.ts';

export interface HealthServerOptions {
  host: string;
  /** First port to try; taken ones are skipped. 0 takes any free one. */
  port: number;
  health: () => { healthy: boolean } & Record<string, unknown>;
  status: () => Record<string, unknown> | Promise<Record<string, unknown>>;
  metrics: Registry;
  /**
   * Lets the process leave with its jobs done; `POST /drain?grace=5m`, from this machine alone. Default: there is no such
   * address.
   * @param graceMs as asked for; undefined: it was not said
   */
  drain?: (graceMs: number | undefined) => object;
  logger: Logger;
}

export interface HealthServer {
  url: string;
  close(): Promise<void>;
}

/** How many ports are tried: a machine with more workers than this needs ports set by hand. */
const TRIES = 200;

/** `/health`, `/status` and `/metrics` of one worker process, and `/drain` where it can be drained. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const reply =
      (request.url ?? '/').split('?')[0] === '/drain' ? drain(options, request) : answer(options, request.url ?? '/');
    void reply.then(
      ({ code, type, body }) =>
        response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(body),
      (error: unknown) => {
        options.logger.error({ err: error }, 'health request failed');
        response.writeHead(500).end();
      },
    );
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  await listenFrom(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  code: number;
  type: string;
  body: string;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;

async function drain(options: HealthServerOptions, { method, url, headers, socket }: IncomingMessage): Promise<Answer> {
  const refuse = (status: number, code: ErrorCode, detail: string) => ({
    code: status,
    type: JSON_TYPE,
    body: JSON.stringify({ code, detail }),
  });
  if (!options.drain) return refuse(404, 'not_found', 'This process cannot be drained: stop it');
  if (method !== 'POST') return refuse(405, 'method_not_allowed', 'POST /drain?grace=5m lets the worker leave');
  // A page in a browser of this machine could post here too; browsers say where a request comes from.
  if (!LOOPBACK.test(socket.remoteAddress ?? '') || headers.origin !== undefined)
    return refuse(403, 'permission', 'A worker is drained from its own machine alone: switchyard worker drain');
  const grace = new URL(url ?? '/', 'http://localhost').searchParams.get('grace');
  const graceMs = grace === null ? undefined : parseDuration(grace);
  if (grace !== null && graceMs === undefined)
    return refuse(422, 'validation', 'grace must be a duration such as 30s, 5m or 2h');
  return { code: 202, type: JSON_TYPE, body: JSON.stringify(options.drain(graceMs)) };
}

async function answer(options: HealthServerOptions, url: string): Promise<Answer> {
  switch (url.split('?')[0]) {
    case '/health': {
      const health = options.health();
      return { code: health.healthy ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(health) };
    }
    case '/status':
      return { code: 200, type: JSON_TYPE, body: JSON.stringify(await options.status()) };
    case '/metrics':
      return { code: 200, type: options.metrics.contentType, body: await options.metrics.metrics() };
    default:
      return {
        code: 404,
        type: JSON_TYPE,
        body: JSON.stringify({ code: 'not_found', detail: 'There are /health, /status and /metrics' }),
      };
  }
}

async function listenFrom(server: Server, host: string, first: number): Promise<void> {
  for (let port = first; ; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken || first === 0 || port >= first + TRIES) throw error;
    }
  }
}
