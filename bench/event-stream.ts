import { request } from 'undici';
import { readSse } from '../connectors/http/sse-stream.ts';
import type { JobEvent } from '../contract/job-events.ts';
import type { LiveEvent } from '../contract/live-events.ts';

/** A job's event stream over a real socket, until its end. */
export async function* jobEvents(api: string, jobId: string): AsyncGenerator<JobEvent | LiveEvent> {
  const response = await request(`${api}/api/jobs/${encodeURIComponent(jobId)}/events`, {
    headers: { accept: 'text/event-stream' },
    bodyTimeout: 0,
  });
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`);
  for await (const { data } of readSse(response.body, { max_event_bytes: 16_777_216 })) {
    yield JSON.parse(data) as JobEvent | LiveEvent;
  }
}
