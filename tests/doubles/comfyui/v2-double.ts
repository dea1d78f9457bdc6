import { randomUUID } from 'node:crypto';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { asRecord } from '../../../connectors/comfyui/documents.ts';
import type { SentRequest } from '../hosted/published-schema.ts';
import { readForm } from '../hosted/multipart.ts';
import { comfyV2Schema } from './v2-published-schema.ts';

export interface V2DoubleOptions {
  /** Lists jobs; the specification does not promise it, self-hosted servers do it. Default true. */
  lists?: boolean;
  /** Live streams. `absent`: 501. Default `served`. */
  streams?: 'served' | 'absent' | 'full';
  /** The token it wants to see. */
  token?: string;
}

interface Known {
  workflow: Record<string, unknown>;
  created: string;
}

/**
 * Comfy API v2 in front of a ComfyUI double, as comfy-api-proxy serves it in front of a ComfyUI: what it says is
 * translated from what the double says, so faults of the double show through. Written from `openapi-v2.yaml` and from
 * watching comfy-api-proxy 0.1.6.
 */
export class V2Double {
  readonly #upstream: string;
  readonly #options: V2DoubleOptions;
  readonly #jobs = new Map<string, Known>();
  readonly #assets = new Map<string, string>();
  readonly #keys = new Set<string>();
  #server: Server | undefined;
  url = '';
  /** Requests for live streams. */
  streams = 0;
  /** Refused because their key had been used. */
  reused = 0;

  private constructor(upstream: string, options: V2DoubleOptions) {
    this.#upstream = upstream;
    this.#options = options;
  }

  static async start(upstream: string, options: V2DoubleOptions = {}): Promise<V2Double> {
    comfyV2Schema.prepare();
    const double = new V2Double(upstream, options);
    const server = createServer((request, response) => {
      double.#serve(request, response).catch((error: unknown) => {
        // Nonsense from behind comes out in front as nonsense.
        if (error instanceof SyntaxError) response.end('{"id": "half');
        else request.socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    double.#server = server;
    double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return double;
  }

  /** Forgets its jobs and keys, as one that is restarted without a state folder. */
  forget(): void {
    this.#jobs.clear();
    this.#keys.clear();
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const [, , , area, id = '', rest = ''] = url.pathname.split('/').map(decodeURIComponent);
    const { token } = this.#options;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return refuse(response, 401, 'unauthorized', 'Missing or invalid token.');
    switch (`${request.method} ${area}${id ? '/:id' : ''}${rest ? `/${rest}` : ''}`) {
      case 'POST jobs':
        return this.#submit(request, response);
      case 'GET jobs':
        return this.#list(response);
      case 'GET jobs/:id':
        return this.#job(id, response);
      case 'GET jobs/:id/workflow': {
        const workflow = this.#jobs.get(id)?.workflow;
        return workflow ? json(response, 200, { workflow, format: 'api' }) : missing(response);
      }
      case 'POST jobs/:id/cancel':
        return this.#cancel(id, response);
      case 'GET jobs/:id/events':
        return this.#events(id, response);
      case 'POST assets':
        return this.#upload(request, response);
      case 'GET assets/:id/content':
        return this.#content(id, response);
      default:
        return missing(response);
    }
  }

  async #submit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = asRecord(JSON.parse((await buffer(request)).toString('utf8')));
    if (unpublished(response, 'POST /api/v2/jobs', { body, headers: request.headers })) return undefined;
    const workflow = asRecord(body['workflow']);
    if (Array.isArray(workflow['nodes']))
      return refuse(response, 422, 'workflow_format_ui', 'This is a UI-export graph.');
    const lost: string[] = [];
    const resolved = this.#resolve(workflow, lost) as Record<string, unknown>;
    if (lost.length > 0) return refuse(response, 422, 'missing_asset', `Unresolvable: ${lost.join(', ')}`);
    const key = String(request.headers['idempotency-key'] ?? '');
    if (key && this.#keys.has(key)) {
      this.reused += 1;
      return refuse(response, 422, 'idempotency_key_reuse', 'This key has been used.');
    }
    this.#keys.add(key);
    const id = randomUUID();
    const prompt = { prompt: resolved, prompt_id: id, client_id: id, extra_data: body['extra_data'] ?? {} };
    // Known before its answer is there: a listing finds what was taken up behind an answer that got lost.
    this.#jobs.set(id, { workflow: resolved, created: new Date().toISOString() });
    const answer = await this.#ask('POST', '/prompt', JSON.stringify(prompt)).catch((error: unknown) => {
      // Whether it was taken the double knows; a request that never arrived leaves no job.
      request.socket.destroy();
      throw error;
    });
    if (answer.status === 200) return json(response, 201, await this.#document(id));
    this.#jobs.delete(id);
    this.#keys.delete(key);
    const { error, node_errors } = asRecord(parsed(answer.body));
    if (answer.status === 400 && error !== undefined)
      return refuse(response, 422, 'invalid_workflow', String(asRecord(error)['message']), { node_errors });
    const code = answer.status === 429 ? 'queue_full' : 'upstream_error';
    const retryAfter = answer.headers['retry-after'];
    if (retryAfter) response.setHeader('retry-after', retryAfter);
    return refuse(response, answer.status, code, answer.body.toString('utf8'));
  }

  #resolve(value: unknown, lost: string[]): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#resolve(each, lost));
    if (typeof value !== 'object' || value === null) return value;
    const { __type, info } = value as { __type?: string; info?: { id?: string } };
    if (__type !== 'core/ASSET')
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#resolve(each, lost)]));
    const file = this.#assets.get(info?.id ?? '');
    if (file === undefined) lost.push(String(info?.id));
    return file;
  }

  async #list(response: ServerResponse): Promise<void> {
    if (this.#options.lists === false) return refuse(response, 405, 'not_found', 'No such method.');
    const jobs = await Promise.all([...this.#jobs.keys()].toReversed().map((id) => this.#document(id)));
    return json(response, 200, { jobs, truncated: false });
  }

  async #job(id: string, response: ServerResponse): Promise<void> {
    const document = await this.#document(id);
    return document ? json(response, 200, document) : missing(response);
  }

  async #cancel(id: string, response: ServerResponse): Promise<void> {
    if (!(await this.#document(id))) return missing(response);
    await this.#ask('POST', '/queue', JSON.stringify({ delete: [id] }));
    await this.#ask('POST', '/interrupt', JSON.stringify({ prompt_id: id }));
    const job = (await this.#document(id)) as { status: string };
    // Taken out of the queue it leaves no trace there.
    if (job.status === 'expired') job.status = 'canceled';
    if (job.status === 'running') job.status = 'canceling';
    return json(response, 200, job);
  }

  async #events(id: string, response: ServerResponse): Promise<void> {
    this.streams += 1;
    const { streams = 'served' } = this.#options;
    if (streams === 'absent') return refuse(response, 501, 'not_implemented', 'No live streams here.');
    if (streams === 'full') return refuse(response, 429, 'too_many_streams', 'Too many streams.');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (event: string, data: unknown) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const first = (await this.#document(id)) as { status: string } | undefined;
    say('status', { status: first?.status ?? 'expired' });
    const socket = new WebSocket(`${this.#upstream.replace('http', 'ws')}/ws?clientId=${id}`);
    response.once('close', () => socket.terminate());
    socket.on('error', () => {});
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } })),
    );
    // A stream whose source is gone breaks off.
    socket.on('close', () => response.destroy());
    socket.on('message', (message, binary) => {
      const bytes = message as Buffer;
      if (binary) return say('preview', { node_id: '', content_type: 'image/png', data_base64: pictureIn(bytes) });
      const { type, data } = JSON.parse(bytes.toString('utf8')) as { type: string; data: Record<string, unknown> };
      if (data['prompt_id'] !== id) return;
      if (type === 'progress') {
        const { value, max, node } = data as { value: number; max: number; node: string };
        // Of one node only, as the proxy has it: it falls when the next one begins.
        say('progress', {
          value: value / max,
          nodes_done: 0,
          nodes_total: 0,
          current_node: node,
          step: value,
          steps: max,
        });
      }
      if (/^execution_(?:success|error|interrupted)$/.test(type)) {
        void this.#document(id).then((job) => {
          // The history may not have it yet; then the last word is "running".
          say('status', { status: (job as { status: string }).status });
          response.end();
        });
      }
    });
  }

  async #upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { fields, files } = await readForm(request);
    const carried = files.map(({ field }) => field);
    const sent = { body: fields, files: carried, headers: request.headers };
    if (unpublished(response, 'POST /api/v2/assets', sent)) return undefined;
    const { bytes: content, filename } = files[0]!;
    const boundary = 'v2-double';
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="image"; filename="${filename}"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const type = `multipart/form-data; boundary=${boundary}`;
    const answer = await this.#ask('POST', '/upload/image', body, type);
    const id = randomUUID();
    this.#assets.set(id, String(asRecord(parsed(answer.body))['name']));
    return json(response, 201, { id, hash: null, size_bytes: content.length, content_type: 'image/png' });
  }

  async #content(id: string, response: ServerResponse): Promise<void> {
    const { f, s, t } = JSON.parse(Buffer.from(id, 'base64url').toString('utf8')) as Record<string, string>;
    const query = new URLSearchParams({ filename: f!, subfolder: s!, type: t! });
    const upstream = httpRequest(`${this.#upstream}/view?${query.toString()}`);
    response.once('close', () => upstream.destroy());
    upstream.on('error', () => response.destroy());
    upstream.on('response', (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        return refuse(response, 404, 'output_unavailable', 'Output bytes are no longer retrievable.');
      }
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': answer.headers['content-length'] });
      answer.pipe(response);
    });
    upstream.end();
  }

  /** The job as v2 shows it; undefined when nobody knows it. */
  async #document(id: string): Promise<unknown> {
    const known = this.#jobs.get(id);
    const state = await this.#state(id);
    if (!known && !state) return undefined;
    const base = { id, created_at: known?.created, started_at: null, completed_at: null, expires_at: null };
    const self = `${this.url}/api/v2/jobs/${id}`;
    const urls = { self, events: `${self}/events`, cancel: `${self}/cancel` };
    const rest = { queue_position: null, progress: null, outputs: [], error: null };
    return { ...base, ...rest, ...(state ?? { status: 'expired' }), urls };
  }

  async #state(id: string): Promise<Record<string, unknown> | undefined> {
    const history = asRecord(JSON.parse((await this.#ask('GET', `/history/${id}`)).body.toString('utf8')));
    const entry = asRecord(history[id]);
    if (history[id] !== undefined) {
      const { status_str, messages } = entry['status'] as { status_str: string; messages: [string, never][] };
      const find = (name: string) =>
        messages.find(([event]) => event === name)?.[1] as Record<string, unknown> | undefined;
      const outputs = this.#outputs(asRecord(entry['outputs']));
      if (find('execution_interrupted')) return { status: 'canceled', outputs };
      if (status_str === 'success') return { status: 'succeeded', outputs };
      const failure = find('execution_error') ?? {};
      const error = {
        code: 'node_execution_error',
        message: failure['exception_message'],
        node_id: failure['node_id'],
        class_type: failure['node_type'],
        traceback: null,
      };
      return { status: 'failed', outputs, error };
    }
    const queue = asRecord(JSON.parse((await this.#ask('GET', '/queue')).body.toString('utf8')));
    const at = (list: unknown) => (list as unknown[][]).findIndex((item) => item[1] === id);
    if (at(queue['queue_running']) >= 0)
      return { status: 'running', progress: { value: 0, nodes_done: 0, nodes_total: 0 } };
    const position = at(queue['queue_pending']);
    return position >= 0 ? { status: 'queued', queue_position: position + 1 } : undefined;
  }

  #outputs(nodes: Record<string, unknown>): unknown[] {
    return Object.entries(nodes).flatMap(([node_id, kinds]) =>
      Object.entries(asRecord(kinds)).flatMap(([kind, list]) =>
        (Array.isArray(list) ? list : []).flatMap((value: unknown) => {
          const { filename, subfolder, type } = asRecord(value);
          if (typeof filename !== 'string') return [];
          const id = Buffer.from(JSON.stringify({ f: filename, s: subfolder, t: type })).toString('base64url');
          const about = { content_type: 'image/png', size_bytes: 0, id, hash: null, url_expires_at: null };
          const url = `${this.url}/api/v2/assets/${id}/content`;
          return [{ node_id, name: filename, type: kind === 'images' ? 'image' : 'file', ...about, url }];
        }),
      ),
    );
  }

  async #ask(
    method: string,
    path: string,
    body?: string | Buffer,
    type = 'application/json',
  ): Promise<{ status: number; body: Buffer; headers: IncomingMessage['headers'] }> {
    const request = httpRequest(`${this.#upstream}${path}`, {
      method,
      agent: false,
      headers: { 'content-type': type },
    });
    request.end(body);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    return { status: answer.statusCode ?? 0, body: await buffer(answer), headers: answer.headers };
  }
}

/** Behind a binary frame's head with metadata, or the plain one. */
function pictureIn(frame: Buffer): string {
  const kind = frame.readUInt32BE(0);
  return frame.subarray(kind === 4 ? 8 + frame.readUInt32BE(4) : 8).toString('base64');
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, message: string, details?: unknown): void {
  json(response, status, { error: { code, message, details: details ?? null } });
}

/** @returns whether the request was refused for not being as the OpenAPI document says */
function unpublished(response: ServerResponse, route: string, sent: SentRequest): boolean {
  const problem = comfyV2Schema.problemOf(route, sent);
  if (problem) refuse(response, 422, 'invalid_request', `Not as the OpenAPI document says: ${problem}`);
  return problem !== undefined;
}

function missing(response: ServerResponse): void {
  refuse(response, 404, 'not_found', 'There is no such thing.');
}
