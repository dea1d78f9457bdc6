import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Written at once while an output is huge. Bytes. */
export const BLOCK = 65_536;

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** One event of a stream, no faster than it is read. */
export async function sendEvent(response: ServerResponse, data: unknown): Promise<void> {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  if (!response.destroyed && !response.write(`data: ${text}\n\n`)) await roomIn(response);
}

/** Aborted when the other side hangs up before the answer is complete. */
export function hangUp(stream: ServerResponse | Duplex): AbortSignal {
  const controller = new AbortController();
  stream.on('close', () => {
    // An upgraded connection is never complete.
    if (!('req' in stream && stream.writableFinished)) controller.abort();
  });
  return controller.signal;
}

/** Until more can be written, or nobody reads any more. */
export async function roomIn(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const left = new AbortController();
  const options = { signal: left.signal };
  await Promise.race([once(response, 'drain', options), once(response, 'close', options)]).catch(() => {});
  left.abort();
}

export async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** JSON where it is such, else the text. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
