import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { StatusFault } from './faults.ts';
import { DoubleState } from './state.ts';
import { sendJson } from './wire.ts';

/** A double on a socket of its own: what all of them need. */
export abstract class DoubleServer {
  readonly state = new DoubleState();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #sent = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => {
        sendJson(response, 500, { error: { message: `the double is broken: ${String(error)}` } });
      });
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#sent += socket.bytesWritten;
      });
    });
  }

  protected abstract handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** What goes into the connector's configuration. */
  abstract get url(): string;

  protected listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  protected get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Written to sockets so far. */
  get bytesSent(): number {
    return [...this.#sockets].reduce((sum, socket) => sum + socket.bytesWritten, this.#sent);
  }

  /** Cuts all connections; stored work goes on. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.state.pace.release();
    this.state.stages.reset();
    this.cutConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function answerFault(fault: StatusFault, response: ServerResponse): void {
  response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
  response.end(fault.body ?? JSON.stringify({ error: fault.error ?? { message: 'a fault to order' } }));
}
