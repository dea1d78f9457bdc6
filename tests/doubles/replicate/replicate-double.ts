import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerFault, DoubleServer } from '../hosted/double-server.ts';
import type { Fault, StatusFault } from '../hosted/faults.ts';
import { HostedBackend } from '../hosted/hosted-backend.ts';
import { readForm } from '../hosted/multipart.ts';
import { RemoteRun } from '../hosted/remote-run.ts';
import { markerIn } from '../hosted/stages.ts';
import { goneSignal, newId, readBody, sendJson, type Json } from '../hosted/wire.ts';
import { REPLICATE_ANSWERS, replicateError } from './answers.ts';
import { modelDocument, VERSION, versionDocument } from './models.ts';
import { outputOf, predictionDocument } from './prediction-document.ts';
import { sendOutput, streamOutput } from './outputs.ts';
import { replicateSchema, routeOf } from './published-schema.ts';

/**
 * A server that speaks Replicate's protocol (models, deployments, predictions with logs, streams and deadlines, files,
 * outputs that go away), with its errors and quirks, over a real socket. Written from protocol facts; nothing of a real
 * one is in it.
 */
export class ReplicateDouble extends DoubleServer {
  readonly runs = new Map<string, RemoteRun>();
  /** Other accounts' predictions are not shown. By prediction. */
  readonly #owners = new Map<string, string>();
  /** Files that were uploaded, by id. */
  readonly files = new Map<string, Buffer>();
  /** Ids whose output is gone, as an hour after the end. */
  readonly removed = new Set<string>();
  /** `version` of predictions and the path they were asked for by. */
  readonly asked: { path: string; body: Json; headers: Readonly<Record<string, string>> }[] = [];
  /** Instead of what a model makes. */
  output: unknown;

  static async start(): Promise<ReplicateDouble> {
    replicateSchema.prepare();
    const double = new ReplicateDouble();
    double.state.models = ['double/painter', 'double/writer', 'double/community'];
    await double.listen();
    return double;
  }

  /** What REPLICATE_BASE_URL takes. */
  get url(): string {
    return `${this.origin}/v1`;
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    const path = url.pathname.replace(/^\/v1\//, '');
    const method = request.method ?? 'GET';
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const form = (request.headers['content-type'] ?? '').startsWith('multipart/form-data');
    const { fields, files } = form ? await readForm(request) : { fields: undefined, files: [] };
    const text = form ? '' : (await readBody(request)).toString();
    const body = fields ?? (text ? (JSON.parse(text) as Json) : undefined);
    const headers = request.headers as Record<string, string>;
    this.state.uploads.push(...files);
    this.state.requests.push({ method, path, headers, body, key });
    const gone = goneSignal(response);
    const submission = method === 'POST' && /(?:^|\/)predictions$/.test(path);
    if (submission) this.state.ledger.arrivals.push(performance.now());
    const fault = this.state.faults.take(submission ? 'predictions' : `${method} ${path.split('/')[0]}`);
    if (fault?.kind === 'cut') return void response.destroy();
    if (!(await this.state.stages.heard(gone))) return;
    // Outputs and streams lie elsewhere, and want no key.
    if (url.pathname.startsWith('/out/')) return this.#delivery(url.pathname, response);
    if (this.state.keys.size > 0 && !this.state.keys.has(key)) {
      return refuse(
        replicateError(401, 'You did not pass a valid authentication token', { title: 'Unauthenticated' }),
        response,
      );
    }
    if (fault?.kind === 'status') return answerFault(fault, response);
    const carried = form ? files.map(({ field }) => field) : undefined;
    const problem = replicateSchema.problemOf(routeOf(method, path), { body, files: carried, headers });
    if (problem) {
      return refuse(REPLICATE_ANSWERS.badInput(`Not as the OpenAPI document says: ${problem}`), response);
    }
    if (submission) return this.#create(path, body ?? {}, headers, fault, response, gone);
    const other = this.#owners.get(path.split('/')[1] ?? '');
    if (other !== undefined && other !== key) return refuse(notFound(), response);
    this.#route(method, path, response);
  }

  async #create(
    path: string,
    body: Json,
    headers: Record<string, string>,
    fault: Fault | undefined,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const marker = markerIn(body);
    const model = this.#modelOf(path, body);
    const problem = model === undefined ? REPLICATE_ANSWERS.badVersion() : inputProblem(body['input'] ?? {});
    if (problem) return refuse(problem, response);
    if (!(await this.state.stages.pass('submitting', marker, gone))) {
      this.state.ledger.stopped.push(marker);
      return;
    }
    const run = new RemoteRun(this.state, {
      id: newId(''),
      marker,
      body: { ...body, model, headers },
      total: 5,
      fault,
    });
    this.runs.set(run.id, run);
    this.#owners.set(run.id, (headers['authorization'] ?? '').replace(/^Bearer /, ''));
    this.asked.push({ path, body, headers });
    this.state.paid.predictions += 1;
    this.state.ledger.taken.push({ id: run.id, marker });
    void run.live();
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'malformed') return half(response, 201);
    sendJson(response, 201, this.#document(run));
  }

  #modelOf(path: string, body: Json): string | undefined {
    const [kind, owner, name] = path.split('/');
    const version = String(body['version'] ?? '');
    if (kind === 'deployments') return 'double/painter';
    if (kind === 'models') {
      const named = `${owner}/${name}`;
      return named !== 'double/community' && this.state.has(named) ? named : undefined;
    }
    return version === VERSION ? 'double/community' : undefined;
  }

  #document(run: RemoteRun): Json {
    return predictionDocument(run, this.origin, { removed: this.removed.has(run.id), output: this.output });
  }

  #route(method: string, path: string, response: ServerResponse): void {
    const parts = path.split('/');
    const [kind, owner, name, sub, version] = parts;
    if (path === 'account') return sendJson(response, 200, { type: 'organization', username: 'double' });
    if (kind === 'predictions' && owner) return this.#prediction(method, owner, name, response);
    if (kind === 'files') return this.#file(method, owner, response);
    if (method !== 'GET') return refuse(notFound(), response);
    const named = `${owner}/${name}`;
    if (kind === 'models' && this.state.has(named)) {
      if (!sub) return sendJson(response, 200, modelDocument(named, named !== 'double/community'));
      if (sub === 'versions' && version === VERSION) return sendJson(response, 200, versionDocument);
    }
    if (kind === 'deployments' && named === 'double/deployed') {
      return sendJson(response, 200, { owner, name, current_release: { model: 'double/painter', version: VERSION } });
    }
    refuse(notFound(), response);
  }

  #prediction(method: string, id: string, operation: string | undefined, response: ServerResponse): void {
    const run = this.runs.get(id);
    if (!run) return refuse(notFound(), response);
    if (method === 'POST' && operation === 'cancel') {
      run.cancel();
      return sendJson(response, 200, this.#document(run));
    }
    if (this.state.drops > 0 && run.step > 0) {
      this.state.drops -= 1;
      return void response.destroy();
    }
    if (this.state.malformed && run.status === 'completed') return half(response, 200);
    sendJson(response, 200, this.#document(run));
  }

  #file(method: string, id: string | undefined, response: ServerResponse): void {
    if (method === 'POST') {
      const upload = this.state.uploads.at(-1);
      if (!upload || upload.field !== 'content') return refuse(replicateError(400, 'Missing content'), response);
      const fresh = newId('');
      this.files.set(fresh, upload.bytes);
      return sendJson(response, 201, {
        id: fresh,
        size: upload.bytes.length,
        urls: { get: `${this.url}/files/${fresh}` },
      });
    }
    if (method === 'DELETE' && this.files.delete(id ?? '')) {
      response.writeHead(204);
      return void response.end();
    }
    refuse(notFound(), response);
  }

  async #delivery(path: string, response: ServerResponse): Promise<void> {
    const [, , kind, id = ''] = path.split('/');
    const run = this.runs.get(id);
    if (!run || this.removed.has(id)) return refuse(notFound(), response);
    await (kind === 'stream'
      ? streamOutput(this.state, run, outputOf(run, this.origin, this.output), response)
      : sendOutput(this.state, run, response));
  }
}

function half(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end('{"id": "gm3qorz');
}

function notFound(): StatusFault {
  return replicateError(404, 'The requested resource could not be found.');
}

function refuse(fault: StatusFault, response: ServerResponse): void {
  answerFault(fault, response);
}

/** For predictions that nobody has checked before. */
function inputProblem(input: Json): StatusFault | undefined {
  if (input['prompt'] === undefined) return REPLICATE_ANSWERS.badInput('- input: prompt is required\n');
  if (Number(input['width'] ?? 0) <= 1_024) return undefined;
  return REPLICATE_ANSWERS.badInput('- input.width: Must be less than or equal to 1024\n');
}

export async function replicateBackend(): Promise<HostedBackend> {
  return new HostedBackend(await ReplicateDouble.start(), 'predictions', REPLICATE_ANSWERS);
}
