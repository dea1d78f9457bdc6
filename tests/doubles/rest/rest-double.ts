import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { BLOCK, parsed, sendEvent, sendJson } from '../service/answers.ts';
import { type Asked, ServiceDouble } from '../service/service-double.ts';
import { STEPS, type Work } from '../service/work.ts';

/** The pretended service wants this as a bearer token. */
export const REST_DOUBLE_KEY = 'double-key-123456';

/**
 * A REST service with the four ways in which services give their results: `POST /v1/render` answers with it,
 * `POST /v1/jobs` takes a job (`GET` and `DELETE /v1/jobs/{id}`), `POST /v1/stream` sends events, `/v1/socket` is a
 * WebSocket. Files are under `/v1/files/{id}`. Submissions with a known `Idempotency-Key` are the same job.
 */
export class RestDouble extends ServiceDouble {
  /** Tokens that `/oauth/token` has given; only the last one is taken. */
  readonly tokens: string[] = [];
  /** Bodies of submissions, parsed where they are JSON. */
  readonly bodies: unknown[] = [];

  protected async answer(asked: Asked): Promise<void> {
    const { method, path, parts, request, response } = asked;
    if (path === '/oauth/token') {
      this.tokens.push(`token-${randomBytes(8).toString('hex')}`);
      return sendJson(response, 200, { access_token: this.tokens.at(-1), token_type: 'Bearer', expires_in: 3_600 });
    }
    if (path === '/v1/health') return sendJson(response, 200, { ok: true });
    if (!this.authorized(request))
      return sendJson(response, 401, { error: { message: 'the double does not know you' } });
    if (method === 'POST') return this.#submission(asked);
    const found = this.work.works.get(parts[2] ?? '');
    if (path.startsWith('/v1/files/')) return this.sendFile(found, asked);
    if (path.startsWith('/v1/jobs/')) return this.#job(found, method, response);
    sendJson(response, 404, { error: { message: `the double has no ${path}` } });
  }

  protected override authorized(request: IncomingMessage): boolean {
    const given = request.headers.authorization?.replace(/^Bearer /, '');
    return given === (this.tokens.at(-1) ?? REST_DOUBLE_KEY);
  }

  async #submission(asked: Asked): Promise<void> {
    const { path, request, response, body, gone } = asked;
    this.bodies.push(parsed(body));
    const key = request.headers['idempotency-key'];
    const taken = await this.submission(asked, typeof key === 'string' ? key : undefined);
    if (!taken) return;
    const { work, repeated } = taken;
    if (path === '/v1/jobs') return this.#queue(work, repeated, response);
    if (path === '/v1/stream') return this.#stream(work, response, gone);
    return this.#render(work, repeated, response, gone);
  }

  /** Works, then answers. */
  async #render(work: Work, repeated: boolean, response: ServerResponse, gone: AbortSignal): Promise<void> {
    if (!repeated) {
      const lost = this.work.resets(true);
      if (lost) response.socket?.resetAndDestroy();
      if (!(await this.workOn(work, undefined, lost ? undefined : gone)) || lost) return;
    }
    while (work.state === 'working') await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.silent) return;
    if (this.work.fault('malformed')) return void response.end('{"id": "half of it');
    sendJson(response, 200, resultOf(work));
  }

  #queue(work: Work, repeated: boolean, response: ServerResponse): void {
    if (!repeated) void this.work.run(work);
    if (this.work.resets(true)) return void response.socket?.resetAndDestroy();
    sendJson(response, 202, { job: { id: work.id, status: 'queued' } });
  }

  #job(found: Work | undefined, method: string, response: ServerResponse): void {
    if (!found) return sendJson(response, 404, { error: { message: 'the double has no such job' } });
    if (method === 'DELETE') {
      if (found.state === 'done') return sendJson(response, 409, { error: { message: 'it is done' } });
      this.cancel(found);
      return sendJson(response, 202, {});
    }
    if (found.state === 'working' && this.work.fault('drop')) return void response.socket?.resetAndDestroy();
    if (found.state === 'done' && this.work.fault('malformed')) return void response.end('<html><title>Oops</title>');
    const words = { queued: 'queued', working: 'in_progress', done: 'succeeded', stopped: 'aborted' };
    const output = found.state === 'done' ? resultOf(found) : undefined;
    sendJson(response, 200, { job: { id: found.id, status: words[found.state], percent: found.step * 20, output } });
  }

  async #stream(work: Work, response: ServerResponse, gone: AbortSignal): Promise<void> {
    if (this.work.resets(true)) response.socket?.resetAndDestroy();
    if (this.work.fault('malformed')) {
      response.setHeader('content-type', 'text/html');
      return void response.end('<html><title>Oops</title>');
    }
    const send = (data: object) => sendEvent(response, data);
    await this.#tell(work, send, () => response.socket?.resetAndDestroy(), gone);
    response.end('data: [DONE]\n\n');
  }

  /** What streams and sockets have in common. */
  async #tell(work: Work, send: (data: object) => Promise<void>, drop: () => void, gone: AbortSignal): Promise<void> {
    const onStep = async () => {
      if (this.silent) return;
      // Whether anybody still listens is seen by the work itself.
      await send({ text: `word${work.step} `, percent: work.step * 20 }).catch(() => {});
      if (work.step === 2 && this.work.fault('drop')) drop();
    };
    if (!(await this.workOn(work, onStep, gone))) return;
    const huge = this.work.fault('huge');
    const piece = Buffer.alloc(huge ? BLOCK : 500, work.marker).toString('base64');
    for (let left = huge?.bytes ?? 1; left > 0 && !gone.aborted; left -= BLOCK) {
      await send({ audio: piece });
      this.countBytes(piece.length);
    }
    await this.work.pass('finishing', work.marker, gone);
    if (!this.silent) await send({ finished: true, id: work.id });
  }

  protected override async converse(peer: WebSocket, first: string, gone: AbortSignal): Promise<void> {
    this.bodies.push(parsed(first));
    const work = await this.takeUp(first, gone);
    if (!work) return;
    if (this.work.fault('malformed')) return peer.send('<html><title>Oops</title>');
    const send = (data: { audio?: string }) =>
      new Promise<void>((resolve, reject) => {
        // Sound travels as binary messages.
        const message = data.audio === undefined ? JSON.stringify(data) : Buffer.from(data.audio, 'base64');
        peer.send(message, (error) => (error ? reject(error) : resolve()));
      });
    await this.#tell(work, send, () => peer.terminate(), gone);
    peer.close(1000);
  }
}

export function startRestDouble(): Promise<RestDouble> {
  return new RestDouble().listen();
}

function resultOf({ id, marker }: Work) {
  return { id, text: `words about ${marker}`, steps: STEPS, files: [{ url: `/v1/files/${id}` }] };
}
