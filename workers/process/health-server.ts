import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Logger } from '../../platform/logging/logger.ts';

export interface HealthServerOptions {
  host: string;
  /** First port to try; taken ones are skipped. 0 takes any free one. */
  port: number;
  health: () => { healthy: boolean } & Record<string, unknown>;
  status: () => Record<string, unknown> | Promise<Record<string, unknown>>;
  metrics: Registry;
  logger: Logger;
}

export interface HealthServer {
  url: string;
  close(): Promise<void>;
}

/** How many ports are tried: a machine with more workers than this needs ports set by hand. */
const TRIES = 200;

/** `/health`, `/status` and `/metrics` of one worker process. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(options, request.url ?? '/').then(
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

async function answer(
  options: HealthServerOptions,
  url: string,
): Promise<{ code: number; type: string; body: string }> {
  const json = 'application/json; charset=utf-8';
  switch (url.split('?')[0]) {
    case '/health': {
      const health = options.health();
      return { code: health.healthy ? 200 : 503, type: json, body: JSON.stringify(health) };
    }
    case '/status':
      return { code: 200, type: json, body: JSON.stringify(await options.status()) };
    case '/metrics':
      return { code: 200, type: options.metrics.contentType, body: await options.metrics.metrics() };
    default:
      return {
        code: 404,
        type: json,
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
