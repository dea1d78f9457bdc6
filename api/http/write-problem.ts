import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CODES } from '../../contract/errors.ts';
import type { HttpProblem } from './http-problem.ts';

/** A problem document (RFC 9457). `type` names the section of docs/errors.md that explains the code. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  errors?: { pointer: string; detail: string; hint?: string }[];
  /** The way out. */
  help: string;
  /** The request's id, also in the X-Request-Id header and in the log. */
  instance?: string;
  [extension: string]: unknown;
}

export function problemDocument(problem: HttpProblem, requestId?: string): ProblemDocument {
  const { title, retryable, help } = ERROR_CODES[problem.code];
  return {
    ...problem.extensions,
    type: `urn:switchyard:error:${problem.code}`,
    title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    retryable,
    help,
    ...(problem.errors?.length ? { errors: problem.errors } : {}),
    ...(requestId ? { instance: `urn:switchyard:request:${requestId}` } : {}),
  };
}

/** Answers with a problem; a response that has begun can only be cut off. */
export function writeProblem(res: ServerResponse, problem: HttpProblem, requestId?: string): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify(problemDocument(problem, requestId)));
  for (const name of ['ETag', 'Content-Disposition', 'Content-Range', 'Accept-Ranges', 'Last-Modified', 'Location']) {
    res.removeHeader(name);
  }
  for (const [name, value] of Object.entries(problem.headers)) res.setHeader(name, value);
  const { req } = res;
  const early = !req.complete && hasBody(req);
  if (early) res.setHeader('Connection', 'close');
  res.writeHead(problem.status, {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  if (req.method === 'HEAD') res.end();
  else if (early) linger(req, res, body);
  else res.end(body);
}

/** How long the rest of a refused body is read and thrown away. Milliseconds. */
const LINGER_MS = 2_000;

/**
 * Closing a connection that still receives resets it, and the reset may overtake the answer: the client, still sending,
 * would never see why it was refused.
 */
function linger(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  res.write(body);
  const finish = () => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  timer.unref();
  req.once('end', finish).once('close', finish).resume();
}

function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}
