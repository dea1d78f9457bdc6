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
  const response = await fetch(`${api}/api/jobs/${encodeURIComponent(jobId)}/events`, {
    headers: { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) },
    signal: abort.signal,
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const events: JobEvent[] = [];
  const closed = read(response, events).catch(() => {});
  return { events, closed, abort: () => abort.abort() };
}

async function read(response: Response, events: JobEvent[]): Promise<void> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of response.body!) {
    buffer += decoder.decode(chunk as Uint8Array, { stream: true });
    const records = buffer.split('\n\n');
    buffer = records.pop()!;
    for (const record of records) {
      const data = /^data: (.*)$/m.exec(record)?.[1];
      if (data !== undefined) events.push(JSON.parse(data) as JobEvent);
    }
  }
}
