import { Worker } from 'node:worker_threads';
import { ConnectorError } from '../contract/connector-error.ts';
import { isOutOfMemory } from './out-of-memory.ts';
import type { TileFailure, TileReply, TileRequest } from './tile-protocol.ts';

export interface TileThreadsOptions {
  /** How many tiles are enlarged at the same time. */
  size: number;
  /** How long a thread without work is kept, with its 70–150 MB. Milliseconds. */
  idleMs: number;
  /** Limit of a thread's JavaScript heap, MiB; unset: V8's own. */
  heapMb?: number;
}

interface Pending {
  request: TileRequest;
  signal: AbortSignal;
  onAbort: () => void;
  resolve: (pixels: Uint8Array<ArrayBuffer>) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  current?: Pending;
  idleTimer?: NodeJS.Timeout;
}

/**
 * A few threads that enlarge tiles for all jobs of this process, first come, first served: a job has only a few tiles
 * here at a time, so jobs take turns. Threads start with the first tile and end when there is nothing to do; while idle
 * they do not keep the process alive.
 */
export class TileThreads {
  readonly size: number;
  readonly #options: TileThreadsOptions;
  readonly #threads = new Set<Thread>();
  readonly #queue: Pending[] = [];
  #nextId = 1;
  #closed = false;

  constructor(options: TileThreadsOptions) {
    this.size = options.size;
    this.#options = options;
  }

  /** Threads that exist now. */
  get running(): number {
    return this.#threads.size;
  }

  /** Tiles in work and waiting. */
  get load(): number {
    return this.#queue.length + [...this.#threads].filter((thread) => thread.current).length;
  }

  /**
   * Enlarges one window. Its pixels are handed over to the thread.
   * An abort answers at once; a tile already in work is finished (0.1–0.5 s) and dropped, which is cheaper for the jobs
   * beside it than a new thread.
   * @throws the signal's reason, or ConnectorError `out_of_memory`, `missing_model`, `internal`
   */
  run(work: Omit<TileRequest, 'id'>, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      if (signal.aborted) return reject(signal.reason as Error);
      const pending: Pending = {
        request: { ...work, id: this.#nextId++ },
        signal,
        onAbort: () => {
          const at = this.#queue.indexOf(pending);
          if (at >= 0) this.#queue.splice(at, 1);
          reject(signal.reason as Error);
        },
        resolve,
        reject,
      };
      signal.addEventListener('abort', pending.onAbort, { once: true });
      this.#queue.push(pending);
      this.#assign();
    });
  }

  /** Ends all threads, also in the middle of a tile (about 50 ms). What is still under way is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#queue.splice(0)) settle(pending, () => pending.reject(closedError()));
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, closedError())));
  }

  #assign(): void {
    while (this.#queue.length > 0) {
      let thread = [...this.#threads].find((candidate) => !candidate.current);
      if (!thread) {
        if (this.#threads.size >= this.size) return;
        thread = this.#start();
      }
      const pending = this.#queue.shift() as Pending;
      clearTimeout(thread.idleTimer);
      thread.current = pending;
      thread.worker.ref();
      thread.worker.postMessage(pending.request, [pending.request.pixels.buffer]);
    }
  }

  #start(): Thread {
    const { heapMb } = this.#options;
    const worker = new Worker(threadFile(), {
      name: 'upscale',
      ...(heapMb ? { resourceLimits: { maxOldGenerationSizeMb: heapMb } } : {}),
    });
    const thread: Thread = { worker };
    this.#threads.add(thread);
    worker.on('message', (reply: TileReply) => this.#answered(thread, reply));
    worker.on('error', (error) => {
      const code = isOutOfMemory(error) ? 'out_of_memory' : 'internal';
      void this.#end(thread, failureError(code, String(error)));
    });
    worker.on('exit', (code) => void this.#end(thread, failureError('internal', `it ended with code ${code}`)));
    return thread;
  }

  #answered(thread: Thread, reply: TileReply): void {
    const pending = thread.current;
    if (!pending || pending.request.id !== reply.id) return;
    if ('failure' in reply) {
      // Whatever went wrong may have left the thread's memory in any state: the next tile gets a new one.
      void this.#end(thread, failureError(reply.failure, reply.message));
      return;
    }
    thread.current = undefined;
    settle(pending, () => pending.resolve(reply.pixels));
    this.#assign();
    if (!thread.current) this.#rest(thread);
  }

  #rest(thread: Thread): void {
    thread.worker.unref();
    thread.idleTimer = setTimeout(() => void this.#end(thread, closedError()), this.#options.idleMs);
    thread.idleTimer.unref();
  }

  /** Takes a thread out of the pool; the tile it was on fails with `error`. */
  async #end(thread: Thread, error: ConnectorError): Promise<void> {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.idleTimer);
    const pending = thread.current;
    thread.current = undefined;
    if (pending) settle(pending, () => pending.reject(error));
    if (!this.#closed) this.#assign();
    await thread.worker.terminate();
  }
}

function settle(pending: Pending, how: () => void): void {
  pending.signal.removeEventListener('abort', pending.onAbort);
  how();
}

function closedError(): ConnectorError {
  return new ConnectorError('internal', 'the upscale connector was shut down');
}

function failureError(failure: TileFailure, message: string): ConnectorError {
  switch (failure) {
    case 'out_of_memory':
      return new ConnectorError('out_of_memory', `the upscale thread ran out of memory: ${message}`);
    case 'missing_model':
      return new ConnectorError('missing_model', `the upscale network cannot be loaded: ${message}`);
    case 'internal':
      return new ConnectorError('internal', `the upscale thread failed: ${message}`);
    default:
      throw new Error(`unknown failure ${String(failure satisfies never)}`);
  }
}

/**
 * A thread is started by Node itself, which runs JavaScript only. Where this file is the TypeScript source (under jest),
 * the thread is the one that the build put into dist/; `npm test` always builds first.
 */
function threadFile(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../../dist/connectors/upscale/tile-thread.js', import.meta.url)
    : new URL('./tile-thread.js', import.meta.url);
}
