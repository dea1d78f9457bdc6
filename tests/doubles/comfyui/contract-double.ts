import type { IncomingMessage } from 'node:http';
import type { BackendDouble, Fault, Stage, TakenJob } from '../../connectors/contract/double.ts';
import { ComfyDouble } from './comfy-double.ts';
import type { QueueItem } from './wire.ts';

/** The mark that the connector puts before file names. */
const TAG = /^[0-9a-f]{8}_/;

/** A graph that takes a moment, stops in its middle when told to, and carries the marker in its file name. */
export function contractGraph(marker: string): Record<string, unknown> {
  return {
    workflow: {
      '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 255 } },
      '2': { class_type: 'Steps', inputs: { image: ['1', 0], steps: 5, ms: 10, previews: false } },
      '3': { class_type: 'Hold', inputs: { image: ['2', 0], name: marker } },
      '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: marker } },
    },
  };
}

interface Waiting {
  marker: string;
  go: () => void;
}

/**
 * ComfyUI under the contract of connectors. It has one worker: of several prompts one is held in its graph, and the
 * others wait behind it in the queue; both count as running.
 */
export class ComfyContractDouble implements BackendDouble {
  readonly #comfy: ComfyDouble;
  #holding: Stage | undefined;
  readonly #waiting = new Set<Waiting>();
  readonly #arrivals: number[] = [];
  #drops = 0;
  #hugeBytes = 0;
  #malformed = false;
  #silent = false;

  private constructor(comfy: ComfyDouble) {
    this.#comfy = comfy;
    comfy.worker.gatesOpen = true;
    comfy.hold = (moment, request, url) => this.#hold(moment, request, url);
  }

  static async start(): Promise<ComfyContractDouble> {
    return new ComfyContractDouble(await ComfyDouble.start());
  }

  get url(): string {
    return this.#comfy.url;
  }

  hold(stage: Stage): void {
    this.#holding = stage;
    if (stage === 'running') this.#comfy.worker.gatesOpen = false;
    // A prompt that has been taken must not run while its answer is held.
    if (stage === 'submitting') this.#comfy.worker.pause(true);
  }

  held(stage: Stage): readonly string[] {
    if (stage !== this.#holding) return [];
    if (stage !== 'running') return [...this.#waiting].map(({ marker }) => marker);
    const { holding, pending } = this.#comfy.worker;
    return holding.length === 0 ? [] : [...holding, ...pending.map(markerOf)];
  }

  release(marker?: string): void {
    this.#holding = undefined;
    const { worker } = this.#comfy;
    worker.pause(false);
    if (marker === undefined) worker.openGates();
    else worker.release(marker);
    for (const each of this.#waiting) if (marker === undefined || each.marker === marker) each.go();
  }

  order(fault: Fault): void {
    const route = 'POST /prompt';
    switch (fault.kind) {
      case 'rate_limit': {
        const headers = { 'retry-after': String(fault.retry_after_seconds) };
        this.#comfy.fail({
          route,
          kind: 'answer',
          status: 429,
          headers,
          times: fault.times,
          body: 'the double is busy',
        });
        break;
      }
      case 'server_error':
        this.#comfy.fail({
          route,
          kind: 'answer',
          status: fault.status,
          times: fault.times,
          body: 'the double is broken',
        });
        break;
      case 'reset':
        this.#comfy.fail({ route, kind: fault.taken ? 'reset_after' : 'reset', times: fault.times });
        break;
      case 'silence':
        this.#silent = true;
        break;
      case 'drop':
        this.#drops = fault.times;
        break;
      case 'huge':
        this.#hugeBytes = fault.bytes;
        break;
      case 'malformed':
        this.#malformed = true;
        break;
    }
  }

  reset(): void {
    this.#comfy.clearFaults();
    this.#drops = 0;
    this.#hugeBytes = 0;
    this.#malformed = false;
    this.#silent = false;
    this.release();
  }

  taken(): readonly TakenJob[] {
    return this.#comfy.ledger.submissions.map(({ promptId, graph }) => ({ id: promptId, marker: markerIn(graph) }));
  }

  stopped(): readonly string[] {
    const { history, removed } = this.#comfy.worker;
    const interrupted = [...history.values()].filter(({ status }) =>
      status.messages.some(([event]) => event === 'execution_interrupted'),
    );
    return [...interrupted.map(({ prompt }) => markerOf(prompt)), ...removed.map(markerOf)];
  }

  arrivals(): readonly number[] {
    return this.#arrivals;
  }

  bytesSent(): number {
    return this.#comfy.ledger.bytesSent;
  }

  async stop(): Promise<void> {
    this.reset();
    await this.#comfy.stop();
  }

  #hold(moment: 'arrival' | 'request' | 'answer', request: IncomingMessage, url: URL): Promise<void> | undefined {
    const submission = request.method === 'POST' && url.pathname === '/prompt';
    const viewing = request.method === 'GET' && url.pathname === '/view';
    if (moment === 'arrival') {
      if (submission) this.#arrivals.push(performance.now());
      this.#misbehave(request, url);
      return this.#silent ? new Promise(() => {}) : undefined;
    }
    if (moment === 'answer' && submission && this.#holding === 'submitting') {
      const last = this.#comfy.ledger.submissions.at(-1);
      return last && this.#wait(markerIn(last.graph));
    }
    if (moment === 'request' && viewing && this.#holding === 'finishing') {
      const name = url.searchParams.get('filename') ?? '';
      return this.#wait(name.replace(TAG, '').replace(/_\d+_\.png$/, ''));
    }
    return undefined;
  }

  /** Faults that hang on what the server is doing just now. */
  #misbehave(request: IncomingMessage, url: URL): void {
    const { worker, sockets, files } = this.#comfy;
    if (this.#drops > 0 && worker.running.length > 0) {
      this.#drops -= 1;
      if (sockets.count > 0) sockets.drop();
      else request.socket.destroy();
    }
    const finished = url.pathname.startsWith('/history/') && worker.history.has(url.pathname.slice('/history/'.length));
    if (this.#malformed && finished)
      this.#comfy.fail({ route: 'GET /history', kind: 'garbage', body: '{"half": {"outputs' });
    if (this.#hugeBytes > 0 && url.pathname === '/view') {
      const filename = url.searchParams.get('filename') ?? '';
      files.put({ filename, subfolder: '', type: 'output' }, this.#hugeBytes);
    }
  }

  #wait(marker: string): Promise<void> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        marker,
        go: () => {
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
  }
}

function markerOf(item: QueueItem): string {
  return markerIn(item[2]);
}

function markerIn(graph: QueueItem[2]): string {
  const prefix = graph['4']?.inputs['filename_prefix'];
  return typeof prefix === 'string' ? prefix.replace(TAG, '') : '';
}
