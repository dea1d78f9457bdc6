import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach } from '@jest/globals';

export interface LocalServer {
  url: string;
  server: Server;
  /** One line per request: method, path with query. */
  readonly asked: string[];
  readonly requests: IncomingMessage[];
  stop(): Promise<void>;
}

const running: LocalServer[] = [];

/** A real server for one test; it goes with the test. */
export async function serve(handler: RequestListener): Promise<LocalServer> {
  const asked: string[] = [];
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    requests.push(request);
    handler(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const local: LocalServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    asked,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  running.push(local);
  return local;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((local) => local.stop()));
});

export function json(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** What a promise fails with; an error when it does not. */
export async function failureOf<T extends Error = Error>(promise: Promise<unknown>): Promise<T> {
  const value = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(value instanceof Error)) throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
  return value as T;
}
