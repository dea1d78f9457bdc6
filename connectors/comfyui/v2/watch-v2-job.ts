import { ERROR_CODES } from '../../../contract/errors.ts';
import { formatDuration } from '../../../contract/duration.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { pause } from '../../http/backoff.ts';
import { readSse, type SseEvent } from '../../http/sse-stream.ts';
import { asRecord, textOf } from '../documents.ts';
import type { ComfySettings } from '../settings.ts';
import type { V2Client } from './v2-client.ts';
import { hasEnded, readV2Progress, type V2Job, type V2Progress } from './v2-documents.ts';

export interface V2WatchOptions {
  client: V2Client;
  id: string;
  settings: Pick<ComfySettings, 'poll_seconds' | 'outage_seconds'>;
  onPlace: (job: V2Job) => void;
  onProgress: (progress: V2Progress) => void;
  onPreview: (bytes: Buffer, mime: string) => void;
  logger: Logger;
  signal: AbortSignal;
}

/** The server says something every 15 s; a stream that does not is dead. Milliseconds. */
const QUIET = 60_000;
/** A preview is a small picture in base64. Bytes. */
const LARGEST_EVENT = 64 * 1_024 * 1_024;
/** Between a stream that ended and the next. Milliseconds. */
const REOPEN = 2_000;
/**
 * comfy-api-proxy asks ComfyUI for the history, then for the queue: a job that ends in between is in neither, and is
 * called expired for that moment. So that word counts only when it is said again and again, so many milliseconds apart.
 */
const DOUBTS = 3;
const DOUBT = 150;
/** The job's document may lag behind its stream. Milliseconds. */
const LAG = 50;

/**
 * Follows a job to its end. The job's own document is the truth and is asked for every few seconds; the stream only
 * makes it faster, and brings steps and previews.
 * @returns the job as it ended; undefined when the server does not know it any more
 * @throws ConnectorError when the server is away for longer than it may be; the signal's reason on abort
 */
export async function watchV2Job(options: V2WatchOptions): Promise<V2Job | undefined> {
  const { client, id, settings, signal } = options;
  const over = new AbortController();
  let wake: () => void = () => {};
  let told = false;
  void follow(options, AbortSignal.any([signal, over.signal]), () => {
    told = true;
    wake();
  });
  let outage: number | undefined;
  let lag = LAG;
  let gone = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        const job = await client.job(id, signal);
        outage = undefined;
        const lost = !job || job.status === 'expired';
        gone = lost ? gone + 1 : 0;
        if (lost ? gone > DOUBTS : hasEnded(job.status)) return job;
        if (lost) {
          await pause(DOUBT, signal);
          continue;
        }
        options.onPlace(job);
        if (job.progress) options.onProgress(job.progress);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ConnectorError) || !(error.retryable ?? ERROR_CODES[error.code].retryable)) throw error;
        outage ??= performance.now();
        const away = performance.now() - outage;
        if (away >= settings.outage_seconds * 1_000) {
          const text = `Comfy API has given no usable answer for ${formatDuration(Math.round(away))}; the job is found again when it does (${error.message})`;
          throw new ConnectorError(error.code, text, { cause: error, retry_after_ms: error.retry_after_ms });
        }
      }
      const soon = told && outage === undefined;
      const wait = Math.min(soon ? lag : Number.POSITIVE_INFINITY, settings.poll_seconds * 1_000);
      if (soon) lag *= 1.5;
      const rung = new AbortController();
      if (!told) wake = () => rung.abort();
      await pause(wait, AbortSignal.any([signal, rung.signal])).catch(() => signal.throwIfAborted());
    }
  } finally {
    over.abort();
  }
}

/** Reads the stream as long as the job is watched, and opens it again; what goes wrong with it is no fault of the job. */
async function follow(options: V2WatchOptions, signal: AbortSignal, ended: () => void): Promise<void> {
  const { client, id, logger } = options;
  while (!signal.aborted) {
    try {
      const response = await client.events(id, QUIET, signal);
      // Not served here, or too many open: asking for the document is enough.
      if (!response) return;
      for await (const event of readSse(response.stream, { max_event_bytes: LARGEST_EVENT })) {
        if (take(event, options)) ended();
      }
    } catch (error) {
      if (!signal.aborted) logger.debug({ err: error }, 'the stream of Comfy API is lost');
    }
    await pause(REOPEN, signal).catch(() => {});
  }
}

/** @returns whether the job has ended */
function take({ event, data }: SseEvent, options: V2WatchOptions): boolean {
  let body: Record<string, unknown>;
  try {
    body = asRecord(JSON.parse(data));
  } catch {
    return false;
  }
  if (event === 'progress') {
    const progress = readV2Progress(body);
    if (progress) options.onProgress(progress);
  } else if (event === 'preview') {
    const bytes = Buffer.from(textOf(body['data_base64']) ?? '', 'base64');
    if (bytes.length > 0) options.onPreview(bytes, textOf(body['content_type']) ?? 'image/jpeg');
  }
  // Right after the last node the stream may still say "running" in its last word.
  return event === 'status' && hasEnded(String(body['status']));
}
