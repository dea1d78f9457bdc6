import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import type { ApiClient } from './client.ts';
import { CliError } from '../cli-error.ts';
import { ApiError, isPassing } from './errors.ts';

export interface FollowOptions {
  signal?: AbortSignal;
  /** What of the live channel comes too. Default `none`. */
  live?: 'none' | 'tokens';
  /** The API went away; called once until it is back. */
  onAway?(error: Error): void;
  onBack?(): void;
  /** An unreachable API at the first try is an error too, unless the job is known to exist. Default false. */
  patient?: boolean;
  /** Silence, comments included, after which the connection counts as dead. Milliseconds; default 60 s. */
  idleMs?: number;
  /** First pause before connecting again; doubles up to `maxRetryMs`. Milliseconds; default 250 and 5,000. */
  retryMs?: number;
  maxRetryMs?: number;
}

/**
 * The events of one job until its `end`. A cut connection is opened again with `Last-Event-ID`, for as long as it
 * takes: a job outlives its API.
 * @throws ApiError when the API refuses (no such job), the abort reason of `signal`, UnreachableError see `patient`
 */
export async function* followJob(
  api: ApiClient,
  jobId: string,
  options: FollowOptions = {},
): AsyncGenerator<JobEvent | LiveEvent, void, void> {
  const { signal, retryMs = 250, maxRetryMs = 5_000 } = options;
  let lastEventId: string | undefined;
  let connected = options.patient ?? false;
  let away = false;
  let pause = retryMs;
  for (;;) {
    try {
      for await (const event of readStream(api, jobId, lastEventId, options)) {
        if (away) options.onBack?.();
        connected = true;
        away = false;
        pause = retryMs;
        lastEventId = event.id;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error) || !connected) throw error;
      if (!away) options.onAway?.(error as Error);
      away = true;
      if (error instanceof ApiError && error.retryAfterMs) pause = Math.min(maxRetryMs, error.retryAfterMs);
    }
    // Spread, so that a thousand watchers do not come back in the same instant.
    await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal });
    pause = Math.min(maxRetryMs, pause * 2);
  }
}

/** One connection: ends when the server closes it, throws when it breaks. */
async function* readStream(
  api: ApiClient,
  jobId: string,
  lastEventId: string | undefined,
  { signal, live = 'none', idleMs = 60_000 }: FollowOptions,
): AsyncGenerator<JobEvent | LiveEvent, void, void> {
  const idle = new AbortController();
  const watchdog = setTimeout(() => idle.abort(), idleMs);
  try {
    const response = await api.fetch(`/jobs/${encodeURIComponent(jobId)}/events?live=${live}`, {
      headers: { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) },
      signal: AbortSignal.any([idle.signal, ...(signal ? [signal] : [])]),
    });
    const queue: (JobEvent | LiveEvent)[] = [];
    const parser = createParser({
      onEvent: (message) => {
        const event = readEvent(message);
        if (event && (live !== 'none' || !isLive(event))) queue.push(event);
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      watchdog.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* queue.splice(0);
    }
  } catch (error) {
    if (signal?.aborted || error instanceof CliError) throw error;
    throw api.unreachable(idle.signal.aborted ? `silent for ${idleMs / 1_000} s` : error);
  } finally {
    clearTimeout(watchdog);
    // Closes the connection when the reader stops early; harmless after its end.
    idle.abort();
  }
}

const LIVE_TYPES = ['token', 'preview', 'reset', 'dropped'];
const TYPES = ['snapshot', 'state', 'progress', 'end', ...LIVE_TYPES];

/** Whether an event is of the live channel, beside the job's own. */
export function isLive(event: JobEvent | LiveEvent): event is LiveEvent {
  return LIVE_TYPES.includes(event.type);
}

/** Messages of a kind we do not know are skipped: a newer API may send more. */
function readEvent(message: EventSourceMessage): JobEvent | LiveEvent | undefined {
  let data: unknown;
  try {
    data = JSON.parse(message.data);
  } catch {
    return undefined;
  }
  if (typeof data !== 'object' || data === null) return undefined;
  const type = message.event ?? (data as { type?: unknown }).type;
  if (typeof type !== 'string' || !TYPES.includes(type)) return undefined;
  return { ...data, type, id: message.id ?? (data as { id?: string }).id ?? '' } as JobEvent | LiveEvent;
}
