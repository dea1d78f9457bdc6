import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Fault, Faults, inflict } from './faults.ts';
import { Files } from './files.ts';
import { nodeDefinitions } from './node-definitions.ts';
import { answer, type Ledger } from './routes.ts';
import { Sockets } from './sockets.ts';
import type { FileEntry } from './wire.ts';
import { Worker } from './worker.ts';

export interface ComfyDoubleOptions {
  /** Files in the model folders. */
  models?: Record<string, string[]>;
  /** Node classes that are not installed. */
  missingNodes?: string[];
  /** What a reverse proxy in front wants to see in `Authorization`. */
  authorization?: string;
  strictPromptIds?: boolean;
  maxUploadBytes?: number;
  /** Default: any that is free. */
  port?: number;
}

type Hold = (moment: 'arrival' | 'request' | 'answer', request: IncomingMessage, url: URL) => Promise<void> | undefined;

const MODELS = {
  checkpoints: ['sd_xl_base_1.0.safetensors', 'anime/v3.ckpt'],
  loras: ['detail.safetensors'],
  vae: ['sdxl_vae.safetensors'],
};

/**
 * A ComfyUI for tests: the real protocol over real HTTP and WebSocket, with its quirks, written from the facts in
 * docs/connectors/comfyui.md. Nodes do next to nothing, some of them what a test needs (`node-definitions.ts`).
 */
export class ComfyDouble {
  readonly ledger: Ledger = {
    submissions: [],
    interrupts: [],
    deletes: [],
    uploads: [],
    frees: [],
    bytesSent: 0,
    requests: [],
  };
  readonly files = new Files();
  readonly models: Record<string, string[]>;
  readonly missingNodes: Set<string>;
  readonly #options: ComfyDoubleOptions;
  readonly #faults = new Faults();
  sockets = new Sockets();
  worker: Worker;
  /** Asked when a request arrives, before it is worked on, and before its answer is sent; a promise is waited for. */
  hold: Hold = () => undefined;
  /** A proxy that knows no WebSocket: upgrades are answered with 404. */
  refuseSockets = false;
  #server: Server | undefined;
  #port = 0;
  #number = 0;

  private constructor(options: ComfyDoubleOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.models = { ...MODELS, ...options.models };
    this.missingNodes = new Set(options.missingNodes);
    this.worker = this.#newWorker();
  }

  static async start(options: ComfyDoubleOptions = {}): Promise<ComfyDouble> {
    const double = new ComfyDouble(options);
    await double.#listen();
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How often a prompt was taken into the queue; all of them without an id. */
  submissionsOf(promptId?: string): number {
    const { submissions } = this.ledger;
    return promptId === undefined
      ? submissions.length
      : submissions.filter((each) => each.promptId === promptId).length;
  }

  fail(fault: Fault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  release(name: string): void {
    this.worker.release(name);
  }

  isHolding(name: string): boolean {
    return this.worker.isHolding(name);
  }

  putInput(filename: string, content: Buffer): void {
    this.files.put({ filename, subfolder: '', type: 'input' }, content);
  }

  removeFile(entry: FileEntry): void {
    this.files.remove(entry);
  }

  /** Dies as by SIGKILL: sockets are cut, queue, history and temp files are gone; output files stay. */
  async crash(): Promise<void> {
    this.worker.stop();
    this.sockets.drop();
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    this.files.wipeTemp();
  }

  /** Comes up again at the same address. */
  async revive(): Promise<void> {
    this.sockets = new Sockets();
    this.worker = this.#newWorker();
    await this.#listen();
  }

  async restart(): Promise<void> {
    await this.crash();
    await this.revive();
  }

  async stop(): Promise<void> {
    if (this.#server) await this.crash();
  }

  #newWorker(): Worker {
    return new Worker(this.sockets, this.files, () => this.#definitions());
  }

  #definitions() {
    return nodeDefinitions(this.models, this.files.inputs(), this.missingNodes);
  }

  async #listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error as Error);
      });
    });
    const webSockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = new URL(request.url ?? '/', this.url);
      if (this.refuseSockets || !this.#mayPass(request) || !/^(\/api)?\/ws$/.test(url.pathname)) {
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (client) => {
        const sid = url.searchParams.get('clientId') || randomUUID().replaceAll('-', '');
        const { sockets, worker } = this;
        sockets.add(sid, client, () => {
          const queue_remaining = worker.running.length + worker.pending.length;
          sockets.send('status', { status: { exec_info: { queue_remaining } }, sid }, sid);
          // On reconnect: only the node, without the prompt.
          if (worker.executing.clientId === sid && worker.executing.node !== undefined) {
            sockets.send('executing', { node: worker.executing.node }, sid);
          }
        });
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.ledger.requests.push(`${request.method} ${url.pathname}`);
    if (!this.#mayPass(request)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="proxy"', 'content-length': 0 });
      response.end();
      return;
    }
    await this.hold('arrival', request, url);
    const fault = this.#faults.take(request.method ?? 'GET', url.pathname);
    if (fault && (await inflict(fault, request, response))) return;
    if (fault?.kind === 'reset_after' || fault?.kind === 'truncate') cutShort(fault, request, response);
    // The guard against foreign web pages.
    const { origin, host } = request.headers;
    if (origin !== undefined && origin !== 'null' && new URL(origin).host !== host) {
      response.writeHead(403, { 'content-length': 0 });
      response.end();
      return;
    }
    await this.hold('request', request, url);
    holdAnswer(response, () => this.hold('answer', request, url));
    await answer(request, response, url, {
      worker: this.worker,
      files: this.files,
      ledger: this.ledger,
      definitions: () => this.#definitions(),
      models: this.models,
      nextNumber: () => this.#number++,
      strictPromptIds: this.#options.strictPromptIds ?? false,
      maxUploadBytes: this.#options.maxUploadBytes ?? 104_857_600,
    });
  }

  #mayPass(request: IncomingMessage): boolean {
    const { authorization } = this.#options;
    return authorization === undefined || request.headers.authorization === authorization;
  }
}

/** Nothing of the answer is sent before the promise resolves. */
function holdAnswer(response: ServerResponse, until: () => Promise<void> | undefined): void {
  const end = response.end.bind(response);
  response.end = ((chunk?: unknown) => {
    const wait = until();
    if (wait) void wait.then(() => end(chunk));
    else end(chunk);
    return response;
  }) as ServerResponse['end'];
}

/** The work is done, and the answer does not get through, or only half of it. */
function cutShort(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  const write = response.write.bind(response);
  const cut = (chunk?: unknown) => {
    const isBytes = chunk instanceof Uint8Array || typeof chunk === 'string';
    const bytes = isBytes ? Buffer.from(chunk as string) : Buffer.alloc(0);
    if (fault.kind === 'truncate' && bytes.length > 0) {
      // What has been written still gets through.
      write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => request.socket.end());
    } else if (fault.kind === 'reset_after') request.socket.destroy();
    return true;
  };
  response.write = cut as ServerResponse['write'];
  response.end = ((chunk?: unknown) => {
    cut(chunk);
    return response;
  }) as ServerResponse['end'];
}
