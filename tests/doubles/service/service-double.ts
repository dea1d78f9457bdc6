import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BackendDouble, Fault, Stage, TakenJob } from '../../connectors/contract/double.ts';
import { BLOCK, hangUp, roomIn, sendJson, textOf } from './answers.ts';
import { ServiceWork, type Work } from './work.ts';

/** A request as a double answers it. */
export interface Asked {
  method: string;
  /** Without the query. */
  path: string;
  /** Parts of the path: `/v1/jobs/7` → `['v1', 'jobs', '7']`. */
  parts: string[];
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
  /** Aborted when the other side hangs up. */
  gone: AbortSignal;
}

const MARKER = /marker-[a-z0-9-]+/;

/**
 * A pretended service over real sockets that does what a test orders: what such services have in common. The protocol
 * itself stands in `answer` (HTTP) and `converse` (WebSocket).
 */
export abstract class ServiceDouble implements BackendDouble {
  protected readonly work = new ServiceWork();
  /** Everything that was asked: method, path, query. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new WebSocketServer({ noServer: true });
  readonly #stopped: string[] = [];
  #silent = false;
  #bytesSent = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      void this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
  }

  /** Answers a request. Nothing is asked of it while silence is ordered. */
  protected abstract answer(asked: Asked): Promise<void>;
  /** Talks with who has opened a WebSocket and has said something. Default: hangs up. */
  protected async converse(peer: WebSocket, _first: string, _gone: AbortSignal): Promise<void> {
    peer.close(1000);
  }
  /** Whether a request shows that it may ask. Default: anybody may. */
  protected authorized(_request: IncomingMessage): boolean {
    return true;
  }

  async listen(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * Takes a job up as a test has ordered it: refused, reset, held, hung up.
   * @param key by which the service knows a repeated submission, if it does
   * @returns undefined when there is nothing more to answer
   */
  protected async submission(asked: Asked, key?: string): Promise<{ work: Work; repeated: boolean } | undefined> {
    const { response, body, gone } = asked;
    this.work.arrived.push(performance.now());
    const refusal = this.#refused();
    if (refusal) sendJson(response, refusal.status, refusal.body, refusal.headers);
    else if (this.work.resets(false)) response.socket?.resetAndDestroy();
    else return this.#take(body, gone, key);
    return undefined;
  }

  /** The same for the first message of a WebSocket; refusals have come before it. */
  protected async takeUp(first: string, gone: AbortSignal): Promise<Work | undefined> {
    return (await this.#take(first, gone))?.work;
  }

  /** Works until the end, or until nobody listens any more. @returns whether it is done */
  protected async workOn(work: Work, onStep?: () => Promise<void> | void, gone?: AbortSignal): Promise<boolean> {
    await this.work.run(work, onStep, gone);
    if (work.state === 'stopped') this.#stopped.push(work.marker);
    return work.state === 'done';
  }

  /** Ends a job because somebody asked for it. */
  protected cancel(work: Work): void {
    this.work.stop(work);
    this.#stopped.push(work.marker);
  }

  /** An output as a file; without end when that is ordered. */
  protected async sendFile(found: Work | undefined, { response, gone }: Asked): Promise<void> {
    if (!found) return sendJson(response, 404, { error: { message: 'the double has no such file' } });
    await this.work.pass('finishing', found.marker, gone);
    const huge = this.work.fault('huge');
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    if (!huge) {
      this.countBytes(2_000);
      return void response.end(Buffer.alloc(2_000, found.marker));
    }
    for (let left = huge.bytes; left > 0 && !response.destroyed; left -= BLOCK) {
      this.countBytes(BLOCK);
      if (!response.write(Buffer.alloc(BLOCK))) await roomIn(response);
    }
    response.end();
  }

  protected countBytes(bytes: number): void {
    this.#bytesSent += bytes;
  }

  protected get silent(): boolean {
    return this.#silent;
  }

  hold(stage: Stage): void {
    this.work.hold(stage);
  }

  held(stage: Stage): readonly string[] {
    return this.work.held(stage);
  }

  release(marker?: string): void {
    this.work.release(marker);
  }

  order(fault: Fault): void {
    if (fault.kind === 'silence') this.#silent = true;
    else this.work.order(fault);
  }

  reset(): void {
    this.work.reset();
    if (!this.#silent) return;
    this.#silent = false;
    // Whoever still waits for an answer gets none.
    for (const socket of this.#sockets) socket.destroy();
  }

  taken(): readonly TakenJob[] {
    return this.work.taken();
  }

  stopped(): readonly string[] {
    return this.#stopped;
  }

  arrivals(): readonly number[] {
    return this.work.arrived;
  }

  bytesSent(): number {
    return this.#bytesSent;
  }

  async stop(): Promise<void> {
    this.work.reset();
    for (const peer of this.#peers.clients) peer.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://double').pathname;
    const gone = hangUp(response);
    const body = await textOf(request);
    if (this.#silent) return;
    const parts = path.split('/').slice(1);
    await this.answer({ method: request.method ?? 'GET', path, parts, request, response, body, gone });
  }

  async #take(body: string, gone: AbortSignal, key?: string): Promise<{ work: Work; repeated: boolean } | undefined> {
    const marker = MARKER.exec(body)?.[0] ?? 'none';
    await this.work.pass('submitting', marker, gone);
    if (!gone.aborted) return this.work.take(marker, key);
    this.#stopped.push(marker);
    return undefined;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.asked.push(`UPGRADE ${request.url}`);
    this.work.arrived.push(performance.now());
    const gone = hangUp(socket);
    socket.on('error', () => {});
    if (this.#silent) return;
    const refusal = this.authorized(request) ? this.#refused() : { status: 401, body: {}, headers: {} };
    if (refusal) {
      const headers = Object.entries({ ...refusal.headers, connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.end(`HTTP/1.1 ${refusal.status} No\r\n${headers.join('')}\r\n${JSON.stringify(refusal.body)}`);
    } else if (this.work.resets(false)) socket.resetAndDestroy();
    else {
      this.#peers.handleUpgrade(request, socket, head, (peer) => {
        peer.on('error', () => {});
        peer.once('message', (data) => {
          void this.converse(peer, (data as Buffer).toString('utf8'), gone).catch(() => peer.terminate());
        });
      });
    }
  }

  #refused(): { status: number; body: object; headers: Record<string, string> } | undefined {
    const limit = this.work.fault('rate_limit');
    if (limit) {
      const headers = { 'retry-after': String(limit.retry_after_seconds) };
      return { status: 429, body: { error: { message: 'the double is asked too often' } }, headers };
    }
    const error = this.work.fault('server_error');
    return error && { status: error.status, body: { error: { message: 'the double is out of order' } }, headers: {} };
  }
}
