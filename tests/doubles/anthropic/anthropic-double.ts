import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerFault, DoubleServer } from '../hosted/double-server.ts';
import { markerIn } from '../hosted/stages.ts';
import { goneSignal, newId, readBody, sendJson, type Json } from '../hosted/wire.ts';
import { anthropicError, ANTHROPIC_ANSWERS } from './answers.ts';
import { answer, createMessage } from './messages.ts';
import { anthropicSchema } from './published-schema.ts';
import { HostedBackend } from '../hosted/hosted-backend.ts';

/**
 * A server that speaks Anthropic's protocol (models, messages with streams), with its errors and quirks, over a real
 * socket. Written from protocol facts; nothing of a real one is in it.
 */
export class AnthropicDouble extends DoubleServer {
  static async start(): Promise<AnthropicDouble> {
    anthropicSchema.prepare();
    const double = new AnthropicDouble();
    double.state.models = ['claude-double', 'claude-double-small'];
    await double.listen();
    return double;
  }

  /** What ANTHROPIC_BASE_URL takes. */
  get url(): string {
    return this.origin;
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    const path = url.pathname;
    const method = request.method ?? 'GET';
    // The API takes a key in either of two headers.
    const key = String(request.headers['x-api-key'] ?? request.headers.authorization?.replace(/^Bearer /, '') ?? '');
    const text = (await readBody(request)).toString();
    const body = text ? (JSON.parse(text) as Json) : undefined;
    const headers = request.headers as Record<string, string>;
    this.state.requests.push({ method, path: `${path}${url.search}`, headers, body, key });
    response.setHeader('request-id', newId('req_'));
    for (const [name, value] of Object.entries(this.state.rateHeaders)) response.setHeader(name, value);
    const gone = goneSignal(response);
    const submission = method === 'POST' && path === '/v1/messages';
    if (submission) this.state.ledger.arrivals.push(performance.now());
    const models = method === 'GET' && path.startsWith('/v1/models') && !this.state.lacks.has('models');
    const fault = submission || models ? this.state.faults.take(submission ? 'messages' : 'models') : undefined;
    if (fault?.kind === 'cut') return void response.destroy();
    if (!(await this.state.stages.heard(gone)) || !this.#admit(key, headers, response)) return;
    if (fault?.kind === 'status') return answerFault(fault, response);
    const problem = anthropicSchema.problemOf(`${method} ${path}`, { body, query: url.searchParams });
    if (problem) {
      const told = `Not as the OpenAPI document says: ${problem}`;
      return answer(anthropicError(400, 'invalid_request_error', told), response);
    }
    if (models) return this.#models(decodeURIComponent(path.split('/')[3] ?? ''), url.searchParams, response);
    if (!submission) return answer(anthropicError(404, 'not_found_error', 'Not Found'), response);
    if (!(await this.state.stages.pass('submitting', markerIn(body), gone))) {
      this.state.ledger.stopped.push(markerIn(body));
      return;
    }
    await createMessage(this.state, body ?? {}, fault, response);
  }

  #admit(key: string, headers: Record<string, string>, response: ServerResponse): boolean {
    const { keys, exhausted } = this.state;
    const refused = !headers['anthropic-version']
      ? anthropicError(400, 'invalid_request_error', 'anthropic-version: header is required')
      : keys.size > 0 && !keys.has(key)
        ? anthropicError(401, 'authentication_error', 'invalid x-api-key')
        : exhausted.has(key)
          ? ANTHROPIC_ANSWERS.spendLimit()
          : undefined;
    if (refused) answer(refused, response);
    return refused === undefined;
  }

  #models(id: string, query: URLSearchParams, response: ServerResponse): void {
    const entry = (model: string) => ({
      id: model,
      type: 'model',
      display_name: model,
      created_at: '2026-01-01T00:00:00Z',
    });
    if (!id) {
      const data = this.state.models.slice(0, Number(query.get('limit') ?? 20)).map(entry);
      const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
      return sendJson(response, 200, { data, has_more: data.length < this.state.models.length, ...ends });
    }
    if (this.state.has(id)) return sendJson(response, 200, entry(id));
    answer(anthropicError(404, 'not_found_error', `model: ${id}`), response);
  }
}

export async function anthropicBackend(): Promise<HostedBackend> {
  return new HostedBackend(await AnthropicDouble.start(), 'messages', ANTHROPIC_ANSWERS);
}
