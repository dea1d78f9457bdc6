import type { Readable } from 'node:stream';
import { request } from 'undici';
import { readSse } from '../../connectors/http/sse-stream.ts';
import type { JobEvent } from '../../contract/job-events.ts';

export interface SseSubscription {
  /** Everything received so far. */
  readonly events: JobEvent[];
  /** Settles when the stream is over, also when the server died. */
  readonly closed: Promise<void>;
  abort(): void;
}

/** Reads a job's event stream as a client would, over a real socket. */
export async function subscribe(api: string, jobId: string, lastEventId?: string): Promise<SseSubscription> {
  const abort = new AbortController();
  const response = await request(`${api}/api/jobs/${encodeURIComponent(jobId)}/events`, {
    headers: { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) },
    signal: abort.signal,
    bodyTimeout: 0,
  });
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`);
  const events: JobEvent[] = [];
  const closed = read(response.body, events).catch(() => {});
  return { events, closed, abort: () => abort.abort() };
}

async function read(body: Readable, events: JobEvent[]): Promise<void> {
  for await (const { data } of readSse(body)) events.push(JSON.parse(data) as JobEvent);
}
