import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ApiClient } from '../../cli/api-client/client.ts';

export interface HttpDouble {
  readonly port: number;
  readonly api: ApiClient;
  /** Every request so far: method, address, headers. */
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  /** Cuts every open connection, as a killed process would. */
  cut(): void;
  close(): Promise<void>;
}

/** A real HTTP server on a real socket that answers as a test says: for what no real API can be brought to do. */
export async function httpDouble(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  port = 0,
): Promise<HttpDouble> {
  const sockets = new Set<Socket>();
  const requests: HttpDouble['requests'] = [];
  const server: Server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    answer(request, response, requests.length);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const taken = (server.address() as AddressInfo).port;
  return {
    port: taken,
    api: new ApiClient({ url: `http://127.0.0.1:${taken}/api`, because: 'a test says so', passedOver: [] }),
    requests,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

export function problem(response: ServerResponse, status: number, code: string, detail: string, headers = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
    .end(JSON.stringify({ status, code, title: code, detail, retryable: status === 503 }));
}
