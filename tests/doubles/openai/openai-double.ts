import type { IncomingMessage, ServerResponse } from 'node:http';
import { chatCompletion } from './chat.ts';
import { answerFault, DoubleServer } from '../hosted/double-server.ts';
import type { Fault } from '../hosted/faults.ts';
import type { OpenAiRoute } from './answers.ts';
import { makeImages, picture } from './images.ts';
import { readForm } from '../hosted/multipart.ts';
import { openAiSchema } from './published-schema.ts';
import { ResponseRoutes } from './responses.ts';
import { markerIn } from '../hosted/stages.ts';
import { goneSignal, newId, now, readBody, sendError, sendJson, type Json } from '../hosted/wire.ts';

/**
 * A server that speaks OpenAI's protocol (models, chat completions, responses with streams and background mode,
 * images), with its errors and quirks, over a real socket. Written from protocol facts; nothing of a real one is in it.
 */
export class OpenAiDouble extends DoubleServer {
  readonly #responses = new ResponseRoutes(this.state);

  static async start(): Promise<OpenAiDouble> {
    openAiSchema.prepare();
    const double = new OpenAiDouble();
    await double.listen();
    return double;
  }

  /** What OPENAI_BASE_URL takes. */
  get url(): string {
    return `${this.origin}/v1`;
  }

  /** Ids of the stored responses, the oldest first. */
  get responseIds(): string[] {
    return [...this.#responses.runs.keys()];
  }

  statusOf(id: string): string | undefined {
    return this.#responses.runs.get(id)?.object['status'] as string | undefined;
  }

  /** As if the time for which results are kept had passed. */
  forget(id: string): void {
    this.#responses.runs.delete(id);
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    const path = url.pathname.replace(/^\/v1/, '');
    const method = request.method ?? 'GET';
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const form = (request.headers['content-type'] ?? '').startsWith('multipart/form-data');
    const { fields, files } = form ? await readForm(request) : { fields: undefined, files: [] };
    const text = form ? '' : (await readBody(request)).toString();
    const body = fields ?? (text ? (JSON.parse(text) as Json) : undefined);
    this.state.uploads.push(...files);
    this.state.requests.push({
      method,
      path: `${path}${url.search}`,
      headers: request.headers as Record<string, string>,
      body,
      key,
    });
    this.#stamp(request, response);
    if (path.startsWith('/files/')) {
      response.end(await picture('png', 0));
      return;
    }
    const route = routeOf(method, path);
    if (!route || this.#lacking(route)) {
      return sendError(response, 404, { message: `Invalid URL (${method} ${path})`, code: null });
    }
    const gone = goneSignal(response);
    const submission = !['models', 'retrieve', 'cancel'].includes(route);
    if (submission) this.state.ledger.arrivals.push(performance.now());
    const fault = this.state.faults.take(route);
    if (fault?.kind === 'cut') return void response.destroy();
    if (!(await this.state.stages.heard(gone)) || !this.#admit(key, response)) return;
    if (fault?.kind === 'status') return answerFault(fault, response);
    const carried = form ? files.map(({ field }) => field) : undefined;
    const problem = openAiSchema.problemOf(`${method} ${path}`, { body, files: carried });
    if (problem)
      return sendError(response, 400, { message: `Not as the OpenAPI document says: ${problem}`, code: null });
    if (submission && !(await this.state.stages.pass('submitting', markerIn(body), gone))) {
      this.state.ledger.stopped.push(markerIn(body));
      return;
    }
    await this.#route(route, path, url.searchParams, body ?? {}, fault, response);
  }

  #stamp(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('x-request-id', newId('req_'));
    const own = request.headers['x-client-request-id'];
    if (typeof own === 'string') response.setHeader('x-client-request-id', own);
    response.setHeader('openai-organization', 'org-double');
    response.setHeader('openai-processing-ms', '1');
    for (const [name, value] of Object.entries(this.state.rateHeaders)) response.setHeader(name, value);
  }

  #lacking(route: OpenAiRoute): boolean {
    if (route === 'models') return this.state.lacks.has('models');
    return ['responses', 'retrieve', 'cancel'].includes(route) && this.state.lacks.has('responses');
  }

  #admit(key: string, response: ServerResponse): boolean {
    const { keys, exhausted } = this.state;
    if (keys.size > 0 && !keys.has(key)) {
      const message = key ? 'Incorrect API key provided.' : 'You did not provide an API key.';
      sendError(response, 401, { message, code: key ? 'invalid_api_key' : null });
      return false;
    }
    if (exhausted.has(key)) {
      const message = 'You exceeded your current quota, please check your plan and billing details.';
      sendError(response, 429, { message, type: 'insufficient_quota', code: 'insufficient_quota' });
      return false;
    }
    return true;
  }

  async #route(
    route: OpenAiRoute,
    path: string,
    query: URLSearchParams,
    body: Json,
    fault: Fault | undefined,
    response: ServerResponse,
  ): Promise<void> {
    const id = path.split('/')[2] ?? '';
    switch (route) {
      case 'models':
        return this.#models(decodeURIComponent(id), response);
      case 'chat':
        return chatCompletion(this.state, body, fault, response);
      case 'responses':
        return this.#responses.create(body, fault, response);
      case 'retrieve':
        return this.#responses.retrieve(id, query, fault, response);
      case 'cancel':
        return this.#responses.cancel(id, response);
      case 'generations':
      case 'edits':
        return makeImages(this.state, route, body, fault, response);
    }
  }

  #models(id: string, response: ServerResponse): void {
    const entry = (model: string) => ({ id: model, object: 'model', created: now(), owned_by: 'double' });
    if (!id) return sendJson(response, 200, { object: 'list', data: this.state.models.map(entry) });
    if (this.state.has(id)) return sendJson(response, 200, entry(id));
    sendError(response, 404, { message: `The model '${id}' does not exist`, code: 'model_not_found', param: 'model' });
  }
}

function routeOf(method: string, path: string): OpenAiRoute | undefined {
  if (method === 'GET' && /^\/models(?:\/[^/]+)?$/.test(path)) return 'models';
  if (method === 'GET' && /^\/responses\/[^/]+$/.test(path)) return 'retrieve';
  if (method === 'POST' && /^\/responses\/[^/]+\/cancel$/.test(path)) return 'cancel';
  if (method !== 'POST') return undefined;
  if (path === '/chat/completions') return 'chat';
  if (path === '/responses') return 'responses';
  if (path === '/images/generations') return 'generations';
  return path === '/images/edits' ? 'edits' : undefined;
}
