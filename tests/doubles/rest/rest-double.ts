import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BackendDouble } from '../../connectors/contract/double.ts';
import { RestWork, STEPS, type Work } from './work.ts';

/** The pretended service wants this as a bearer token. */
export const REST_DOUBLE_KEY = 'double-key-123456';

export interface RestDouble extends BackendDouble {
  /** Tokens that `/oauth/token` has given; only the last one is taken. */
  readonly tokens: string[];
  /** Everything that was asked: method, path, query. */
  readonly asked: string[];
  /** Bodies of submissions, parsed where they are JSON. */
  readonly bodies: unknown[];
}

const MARKER = /marker-[a-z0-9-]+/;
/** Written at once while an output is huge. Bytes. */
const BLOCK = 65_536;

/**
 * A REST service over real sockets, with the four ways in which services give their results: `POST /v1/render` answers
 * with it, `POST /v1/jobs` takes a job (`GET` and `DELETE /v1/jobs/{id}`), `POST /v1/stream` sends events, `/v1/socket`
 * is a WebSocket. Files are under `/v1/files/{id}`. Submissions with a known `Idempotency-Key` are the same job.
 */
export async function startRestDouble(): Promise<RestDouble> {
  const work = new RestWork();
  const sockets = new Set<Socket>();
  const stopped: string[] = [];
  const tokens: string[] = [];
  const asked: string[] = [];
  const bodies: unknown[] = [];
  let bytesSent = 0;
  let silent = false;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    void answer(request, response).catch(() => response.destroy());
  });
  const sockServer = new WebSocketServer({ noServer: true });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  await once(server.listen(0, '127.0.0.1'), 'listening');

  const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) => {
    if (silent || response.destroyed) return;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://double');
    const body = await textOf(request);
    if (silent) return;
    if (pathname === '/oauth/token') {
      tokens.push(`token-${randomBytes(8).toString('hex')}`);
      return json(response, 200, { access_token: tokens.at(-1), token_type: 'Bearer', expires_in: 3_600 });
    }
    if (pathname === '/v1/health') return json(response, 200, { ok: true });
    if (!authorized(request)) return json(response, 401, { error: { message: 'the double does not know you' } });
    const [, , , id = ''] = pathname.split('/');
    if (request.method === 'POST') return submission(pathname, request, response, body);
    if (pathname.startsWith('/v1/files/')) return file(work.works.get(id), response);
    if (pathname.startsWith('/v1/jobs/')) return job(work.works.get(id), request, response);
    json(response, 404, { error: { message: `the double has no ${pathname}` } });
  }

  async function submission(pathname: string, request: IncomingMessage, response: ServerResponse, body: string) {
    const gone = hangUp(response);
    work.arrived.push(performance.now());
    bodies.push(parsed(body));
    const refusal = refused();
    if (refusal) return json(response, refusal.status, refusal.body, refusal.headers);
    if (work.resets(false)) return void response.socket?.resetAndDestroy();
    const marker = MARKER.exec(body)?.[0] ?? 'none';
    await work.pass('submitting', marker, gone);
    if (gone.aborted) return void stopped.push(marker);
    const key = request.headers['idempotency-key'];
    const { work: taken, repeated } = work.take(marker, typeof key === 'string' ? key : undefined);
    if (pathname === '/v1/jobs') return queue(taken, repeated, response);
    if (pathname === '/v1/stream') return stream(taken, response, gone);
    return render(taken, repeated, response, gone);
  }

  /** Works, then answers. */
  async function render(taken: Work, repeated: boolean, response: ServerResponse, gone: AbortSignal) {
    if (!repeated) {
      const lost = work.resets(true);
      if (lost) response.socket?.resetAndDestroy();
      await work.run(taken, undefined, lost ? undefined : gone);
      if (taken.state === 'stopped') return void stopped.push(taken.marker);
      if (lost) return;
    }
    while (taken.state === 'working') await new Promise((resolve) => setTimeout(resolve, 5));
    if (work.fault('malformed')) return void response.end('{"id": "half of it');
    json(response, 200, resultOf(taken));
  }

  function queue(taken: Work, repeated: boolean, response: ServerResponse) {
    if (!repeated) void work.run(taken);
    if (work.resets(true)) return void response.socket?.resetAndDestroy();
    json(response, 202, { job: { id: taken.id, status: 'queued' } });
  }

  async function job(found: Work | undefined, request: IncomingMessage, response: ServerResponse) {
    if (!found) return json(response, 404, { error: { message: 'the double has no such job' } });
    if (request.method === 'DELETE') {
      if (found.state === 'done') return json(response, 409, { error: { message: 'it is done' } });
      work.stop(found);
      stopped.push(found.marker);
      return json(response, 202, {});
    }
    if (found.state === 'working' && work.fault('drop')) return void response.socket?.resetAndDestroy();
    if (found.state === 'done' && work.fault('malformed')) return void response.end('<html><title>Oops</title>');
    const words = { queued: 'queued', working: 'in_progress', done: 'succeeded', stopped: 'aborted' };
    const output = found.state === 'done' ? resultOf(found) : undefined;
    json(response, 200, { job: { id: found.id, status: words[found.state], percent: found.step * 20, output } });
  }

  async function file(found: Work | undefined, response: ServerResponse) {
    if (!found) return json(response, 404, { error: { message: 'the double has no such file' } });
    await work.pass('finishing', found.marker, hangUp(response));
    const huge = work.fault('huge');
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    if (!huge) {
      bytesSent += 2_000;
      return void response.end(Buffer.alloc(2_000, found.marker));
    }
    for (let left = huge.bytes; left > 0 && !response.destroyed; left -= BLOCK) {
      bytesSent += BLOCK;
      if (!response.write(Buffer.alloc(BLOCK))) await roomIn(response);
    }
    response.end();
  }

  async function stream(taken: Work, response: ServerResponse, gone: AbortSignal) {
    if (work.resets(true)) response.socket?.resetAndDestroy();
    if (work.fault('malformed')) {
      response.setHeader('content-type', 'text/html');
      return void response.end('<html><title>Oops</title>');
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = async (data: object) => {
      if (!response.write(`data: ${JSON.stringify(data)}\n\n`)) await roomIn(response);
    };
    await tell(taken, send, () => response.socket?.resetAndDestroy(), gone);
    response.end('data: [DONE]\n\n');
  }

  /** What streams and sockets have in common. */
  async function tell(taken: Work, send: (data: object) => Promise<void>, drop: () => void, gone: AbortSignal) {
    await work.run(
      taken,
      async () => {
        if (silent) return;
        // Whether anybody still listens is seen by the work itself.
        await send({ text: `word${taken.step} `, percent: taken.step * 20 }).catch(() => {});
        if (taken.step === 2 && work.fault('drop')) drop();
      },
      gone,
    );
    if (taken.state === 'stopped') return void stopped.push(taken.marker);
    const huge = work.fault('huge');
    const piece = Buffer.alloc(huge ? BLOCK : 500, taken.marker).toString('base64');
    for (let left = huge?.bytes ?? 1; left > 0 && !gone.aborted; left -= BLOCK) {
      await send({ audio: piece });
      bytesSent += piece.length;
    }
    await work.pass('finishing', taken.marker, gone);
    if (!silent) await send({ finished: true, id: taken.id });
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    asked.push(`UPGRADE ${request.url}`);
    work.arrived.push(performance.now());
    const gone = hangUp(socket);
    socket.on('error', () => {});
    if (silent) return;
    const refusal = authorized(request) ? refused() : { status: 401, body: {}, headers: {} };
    if (refusal) {
      const headers = Object.entries({ ...refusal.headers, connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      return void socket.end(`HTTP/1.1 ${refusal.status} No\r\n${headers.join('')}\r\n${JSON.stringify(refusal.body)}`);
    }
    if (work.resets(false)) return void (socket as Socket).resetAndDestroy();
    sockServer.handleUpgrade(request, socket, head, (peer) => {
      peer.on('error', () => {});
      peer.once(
        'message',
        (data) => void converse(peer, (data as Buffer).toString('utf8'), gone).catch(() => peer.terminate()),
      );
    });
  }

  async function converse(peer: WebSocket, first: string, gone: AbortSignal): Promise<void> {
    bodies.push(parsed(first));
    const marker = MARKER.exec(first)?.[0] ?? 'none';
    await work.pass('submitting', marker, gone);
    if (gone.aborted) return void stopped.push(marker);
    const { work: taken } = work.take(marker, undefined);
    if (work.fault('malformed')) return peer.send('<html><title>Oops</title>');
    const send = (data: { audio?: string }) =>
      new Promise<void>((resolve, reject) => {
        // Sound travels as binary messages.
        const message = data.audio === undefined ? JSON.stringify(data) : Buffer.from(data.audio, 'base64');
        peer.send(message, (error) => (error ? reject(error) : resolve()));
      });
    await tell(taken, send, () => peer.terminate(), gone);
    peer.close(1000);
  }

  function refused(): { status: number; body: object; headers: Record<string, string> } | undefined {
    const limit = work.fault('rate_limit');
    if (limit) {
      const headers = { 'retry-after': String(limit.retry_after_seconds) };
      return { status: 429, body: { error: { message: 'the double is asked too often' } }, headers };
    }
    const error = work.fault('server_error');
    if (!error) return undefined;
    return { status: error.status, body: { error: { message: 'the double is out of order' } }, headers: {} };
  }

  function authorized(request: IncomingMessage): boolean {
    const given = request.headers.authorization?.replace(/^Bearer /, '');
    return given === (tokens.at(-1) ?? REST_DOUBLE_KEY);
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens,
    asked,
    bodies,
    hold: (stage) => work.hold(stage),
    held: (stage) => work.held(stage),
    release: (marker) => work.release(marker),
    order(fault) {
      if (fault.kind === 'silence') silent = true;
      else work.order(fault);
    },
    reset() {
      work.reset();
      if (!silent) return;
      silent = false;
      // Whoever still waits for an answer gets none.
      for (const socket of sockets) socket.destroy();
    },
    taken: () => work.taken(),
    stopped: () => stopped,
    arrivals: () => work.arrived,
    bytesSent: () => bytesSent,
    async stop() {
      work.reset();
      for (const peer of sockServer.clients) peer.terminate();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function resultOf({ id, marker }: Work) {
  return { id, text: `words about ${marker}`, steps: STEPS, files: [{ url: `/v1/files/${id}` }] };
}

/** Aborted when the other side hangs up before the answer is complete. */
function hangUp(stream: ServerResponse | Duplex): AbortSignal {
  const controller = new AbortController();
  stream.on('close', () => {
    // An upgraded connection is never complete.
    if (!('req' in stream && stream.writableFinished)) controller.abort();
  });
  return controller.signal;
}

/** Until more can be written, or nobody reads any more. */
function roomIn(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
