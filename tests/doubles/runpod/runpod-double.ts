import type { IncomingMessage, ServerResponse } from 'node:http';
import sharp from 'sharp';
import { answerFault, DoubleServer } from '../hosted/double-server.ts';
import type { Fault, StatusFault } from '../hosted/faults.ts';
import { HostedBackend } from '../hosted/hosted-backend.ts';
import { RemoteRun } from '../hosted/remote-run.ts';
import { markerIn } from '../hosted/stages.ts';
import { drained, goneSignal, newId, readBody, sendJson, type Json } from '../hosted/wire.ts';

const PIECE = Buffer.alloc(65_536, 7);
const STATUSES = {
  pending: 'IN_QUEUE',
  running: 'IN_PROGRESS',
  completed: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
};

/** An error as the API gives it. */
export function runpodError(status: number, error: string, headers: Record<string, string> = {}): StatusFault {
  const body = error ? JSON.stringify({ error }) : '';
  return { kind: 'status', status, body, headers: { 'content-type': 'application/json', ...headers } };
}

export const RUNPOD_ANSWERS = {
  rateLimited: (retryAfter: string) => runpodError(429, 'too many requests', { 'retry-after': retryAfter }),
  serverError: (status: number) => runpodError(status, 'something went wrong (in a double)'),
};

/** What an endpoint's handler does. */
export interface Handler {
  /** What it returns; undefined: a picture in a bucket. */
  output?: unknown;
  /** What it yields, a piece with each step. */
  yields?: unknown[];
  /** Whether what it has yielded is its output too. */
  aggregates?: boolean;
  /** What it says of its progress. */
  progress?: (step: number, total: number) => unknown;
}

/**
 * A server that speaks RunPod's protocol of serverless endpoints (run, status, stream, cancel, health), with its errors and
 * quirks: ids that belong to endpoints, progress in the place of the output, pieces that are given once, jobs that are
 * forgotten. Over a real socket; written from protocol facts, nothing of a real one is in it.
 */
export class RunPodDouble extends DoubleServer {
  readonly runs = new Map<string, RemoteRun>();
  /** Says TIMED_OUT instead of FAILED. */
  readonly late = new Set<string>();
  /** The other word for IN_PROGRESS. */
  saysRunning = false;
  handler: Handler = {};
  workers: Json = { idle: 1, initializing: 0, ready: 1, running: 0, throttled: 0 };
  /** Status answers that say 404 though the job is there: its stores lag. */
  lagging = 0;
  /** Pieces that have been given, by job. */
  readonly #given = new Map<string, number>();

  static async start(): Promise<RunPodDouble> {
    const double = new RunPodDouble();
    double.state.models = ['abc123double', 'vllmdouble'];
    await double.listen();
    return double;
  }

  /** What RUNPOD_BASE_URL takes. */
  get url(): string {
    return `${this.origin}/v2`;
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    const method = request.method ?? 'GET';
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const text = (await readBody(request)).toString();
    const body = text ? (JSON.parse(text) as Json) : undefined;
    const path = url.pathname.replace(/^\/v2\//, '');
    this.state.requests.push({ method, path, headers: request.headers as Record<string, string>, body, key });
    const gone = goneSignal(response);
    const [endpoint = '', operation = '', id = ''] = path.split('/');
    const submission = method === 'POST' && operation === 'run';
    if (submission) this.state.ledger.arrivals.push(performance.now());
    const fault = this.state.faults.take(operation);
    if (fault?.kind === 'cut') return void response.destroy();
    if (!(await this.state.stages.heard(gone))) return;
    if (url.pathname.startsWith('/bucket/')) return this.#bucket(response);
    // Without a body, as the gateway does it.
    if (this.state.keys.size > 0 && !this.state.keys.has(key)) return answerFault(runpodError(401, ''), response);
    if (fault?.kind === 'status') return answerFault(fault, response);
    if (!this.state.has(endpoint)) return answerFault(runpodError(404, 'endpoint not found'), response);
    if (submission) return this.#run(endpoint, body ?? {}, fault, response, gone);
    if (operation === 'health') {
      const jobs = { completed: 0, failed: 0, inProgress: 1, inQueue: 2, retried: 0 };
      return sendJson(response, 200, { jobs, workers: this.workers });
    }
    const run = this.runs.get(`${endpoint}/${id}`);
    if (!run) return answerFault(runpodError(404, 'job not found'), response);
    await this.#about(run, `${method} ${operation}`, response, gone);
  }

  async #run(endpoint: string, body: Json, fault: Fault | undefined, response: ServerResponse, gone: AbortSignal) {
    const marker = markerIn(body);
    if (typeof body['input'] !== 'object') return answerFault(runpodError(400, 'input must be an object'), response);
    if (!(await this.state.stages.pass('submitting', marker, gone))) {
      this.state.ledger.stopped.push(marker);
      return;
    }
    const id = `${newId('')}-u1`;
    const total = Math.max(5, this.handler.yields?.length ?? 0);
    const run = new RemoteRun(this.state, { id, marker, body, total, fault });
    this.runs.set(`${endpoint}/${id}`, run);
    this.state.paid.runs += 1;
    this.state.ledger.taken.push({ id: `${endpoint}/${id}`, marker });
    void run.live();
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'malformed') return half(response);
    sendJson(response, 200, { id, status: 'IN_QUEUE' });
  }

  async #about(run: RemoteRun, asked: string, response: ServerResponse, gone: AbortSignal): Promise<void> {
    if (asked === 'POST cancel') {
      run.cancel();
      return sendJson(response, 200, { id: run.id, status: STATUSES[run.status] });
    }
    if (this.lagging > 0) {
      this.lagging -= 1;
      return answerFault(runpodError(404, 'job not found'), response);
    }
    if (this.state.drops > 0 && run.step > 0) {
      this.state.drops -= 1;
      return void response.destroy();
    }
    if (asked === 'GET stream') return sendJson(response, 200, this.#stream(run));
    if (asked !== 'GET status') return answerFault(runpodError(404, 'not found'), response);
    if (run.status === 'completed') {
      if (!(await this.state.stages.pass('finishing', run.marker, gone))) return;
      if (this.state.malformed) return half(response);
    }
    sendJson(response, 200, this.#status(run));
  }

  #statusOf(run: RemoteRun): string {
    if (run.status === 'failed' && this.late.has(run.id)) return 'TIMED_OUT';
    return run.status === 'running' && this.saysRunning ? 'RUNNING' : STATUSES[run.status];
  }

  #status(run: RemoteRun): Json {
    const status = this.#statusOf(run);
    const times = { delayTime: 5, ...(run.over ? { executionTime: 2_000 } : {}), workerId: 'worker-1' };
    if (run.status === 'pending') return { id: run.id, status };
    if (run.status === 'running') {
      const { progress = (step, total) => `step ${step}/${total}` } = this.handler;
      const output = progress(run.step, run.total);
      return { id: run.id, status, delayTime: 5, ...(output === undefined ? {} : { output }) };
    }
    if (run.status === 'failed') return { id: run.id, status, error: run.error, ...times };
    if (run.status === 'cancelled') return { id: run.id, status, ...times };
    return { id: run.id, status, output: this.#output(run), ...times };
  }

  #output(run: RemoteRun): unknown {
    const { output, yields, aggregates } = this.handler;
    if (output !== undefined) return output;
    if (yields) return aggregates ? yields : [];
    return {
      images: [{ filename: 'ComfyUI_00001_.png', type: 's3_url', data: `${this.origin}/bucket/${run.id}.png?sig=1` }],
    };
  }

  #stream(run: RemoteRun): Json {
    const pieces = this.handler.yields ?? [];
    const ready = run.status === 'completed' ? pieces.length : Math.min(run.step, pieces.length);
    const given = this.#given.get(run.id) ?? 0;
    this.#given.set(run.id, ready);
    return { status: this.#statusOf(run), stream: pieces.slice(given, ready).map((output) => ({ output })) };
  }

  /** A picture, or so many bytes as were ordered. */
  async #bucket(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'image/png' });
    for (let sent = 0; sent < this.state.hugeBytes && !response.destroyed; sent += PIECE.length) {
      if (!response.write(PIECE)) await drained(response);
    }
    response.end(await samplePicture());
  }
}

export function samplePicture(): Promise<Buffer> {
  return sharp({ create: { width: 8, height: 8, channels: 3, background: '#363' } })
    .png()
    .toBuffer();
}

function half(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"id": "60902e6c-');
}

export async function runpodBackend(): Promise<HostedBackend> {
  return new HostedBackend(await RunPodDouble.start(), 'run', RUNPOD_ANSWERS);
}
