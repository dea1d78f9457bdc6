import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HttpProblem, SlowClientProblem } from './http-problem.ts';
import { refuseSocket } from './refuse-socket.ts';
import { requestIdOf } from './request-id.ts';
import { writeProblem } from './write-problem.ts';

/** How long the rest of what a refused client sends is read and thrown away. Milliseconds. */
const LINGER_MS = 2_000;

/**
 * What never becomes a request of the application is answered with a problem document too: bytes that are not HTTP,
 * headers that are too long or too slow, expectations and methods that are none of ours.
 */
export function answerUnparsedRequests(http: Server): void {
  const latest = new WeakMap<Socket, ServerResponse>();
  const refused = new WeakSet<Socket>();
  http.prependListener('request', (req, res) => latest.set(req.socket, res));
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // The parser stumbles over the rest too.
    if (refused.has(socket)) return;
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswering(latest.get(socket))) {
      socket.destroy();
      return;
    }
    refused.add(socket);
    refuseSocket(socket, problemOfParser(error));
    closeSoon(socket);
  });
  http.on('checkExpectation', (req, res: ServerResponse) => {
    const detail = `Expect: ${String(req.headers.expect).slice(0, 100)} is not met here; leave the header out`;
    const requestId = requestIdOf(req);
    res.setHeader('X-Request-Id', requestId);
    writeProblem(res, new HttpProblem('malformed', detail, { status: 417 }), requestId);
  });
  http.on('connect', (req, socket) => {
    socket.on('error', () => socket.destroy());
    refuseSocket(
      socket,
      new HttpProblem('method_not_allowed', 'CONNECT is not taken: this is no proxy'),
      requestIdOf(req),
    );
    closeSoon(socket);
  });
}

/** An answer has begun, or belongs to a request before the bad one: nothing may be written into it. */
function isAnswering(res: ServerResponse | undefined): boolean {
  return res !== undefined && !res.writableFinished && (res.headersSent || res.req.complete);
}

/** Errors of Node's parser by their code (https://nodejs.org/api/http.html#event-clienterror). */
function problemOfParser(error: NodeJS.ErrnoException & { reason?: string }): HttpProblem {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpProblem('payload_too_large', 'The address and the headers are over the limit of 32 KiB', {
        status: 431,
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new SlowClientProblem('The head of the request did not come in time');
    default:
      return new HttpProblem('malformed', `This is no HTTP/1.1 request: ${error.reason ?? 'it cannot be parsed'}`);
  }
}

/** The client may go on sending: closing at once would reset the connection before it has read the answer. */
function closeSoon(socket: {
  resume(): unknown;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}) {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}
