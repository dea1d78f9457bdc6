import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../platform/processes/free-port.ts';

/** A port that leads to another while it is on; off, connections to it are refused, as by a server that went away. */
export class Forwarder {
  readonly port: number;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  readonly #host: string;

  private constructor(port: number, to: number, host: string) {
    this.port = port;
    this.#to = to;
    this.#host = host;
  }

  /** Off at first. @param to port on this machine @param host address it listens on */
  static async to(to: number, host = '127.0.0.1'): Promise<Forwarder> {
    return new Forwarder(await freePort(), to, host);
  }

  async on(): Promise<void> {
    this.#server = createServer((socket) => {
      const onward = connect(this.#to, '127.0.0.1');
      for (const each of [socket, onward]) {
        this.#sockets.add(each);
        each.on('error', () => {});
        each.on('close', () => this.#sockets.delete(each));
      }
      socket.pipe(onward).pipe(socket);
    });
    this.#server.listen(this.port, this.#host);
    await once(this.#server, 'listening');
  }

  async off(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}
