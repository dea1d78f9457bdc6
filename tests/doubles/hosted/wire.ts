import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** JSON that came or goes over the wire. */
// oxlint-disable-next-line typescript/no-explicit-any -- a double takes what comes as it is
export type Json = Record<string, any>;

export const newId = (prefix: string): string => `${prefix}${randomUUID().replaceAll('-', '')}`;
export const now = (): number => Math.floor(Date.now() / 1_000);

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function sendError(response: ServerResponse, status: number, error: Json): void {
  sendJson(response, status, { error: { param: null, code: null, type: 'invalid_request_error', ...error } });
}

/** What is written right before a connection is cut arrives all the same. Milliseconds. */
const FLIGHT = 20;

/** Server-sent events, flushed one by one. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    response.flushHeaders();
  }

  get open(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  /** @param name of the event; chat completions have none */
  send(data: unknown, name?: string): void {
    this.raw(`${name ? `event: ${name}\n` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  }

  raw(text: string): void {
    if (this.open) this.#response.write(text);
  }

  /** Writes no faster than the other side reads. @returns false when it has gone */
  async pour(text: string): Promise<boolean> {
    if (!this.open) return false;
    if (!this.#response.write(text)) await drained(this.#response);
    return this.open;
  }

  end(): void {
    this.#response.end();
  }

  /** Cuts the connection, once the other side has had the time to read what was written. */
  cut(): void {
    this.#response.write('', () => setTimeout(() => this.#response.destroy(), FLIGHT));
  }
}

/** Resolves when more can be written, or never will. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Aborted when the client has gone before the answer was complete. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
