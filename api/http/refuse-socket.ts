import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpProblem } from './http-problem.ts';
import { problemDocument } from './write-problem.ts';

/**
 * Answers with a problem where there is no response object, and closes: a request that could not be parsed, or one for
 * an upgrade. The caller makes sure that no other answer is under way on the socket.
 * @param requestId default: a new one
 */
export function refuseSocket(socket: Duplex, problem: HttpProblem, requestId: string = randomUUID()): void {
  const body = JSON.stringify(problemDocument(problem, requestId));
  const headers = {
    ...problem.headers,
    'X-Request-Id': requestId,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
