import type { Response } from 'express';
import type { JobView } from '../../contract/job-view.ts';
import type { JobStart } from '../../platform/jobs/job-start.ts';
import type { LiveJob } from '../../platform/jobs/live-job.ts';
import { waitForEnd } from '../../platform/jobs/wait-for-end.ts';
import type { ApiContext } from '../context.ts';

/**
 * Waits for the end of a job on behalf of one request.
 * @param start what the job was started with, where the caller knows it
 * @returns the last state known: finished, or as it is when the time is up; undefined when it cannot be read now
 */
export async function waitFor(
  api: ApiContext,
  res: Response,
  live: LiveJob | undefined,
  seconds: number,
  start?: JobStart,
): Promise<JobView | undefined> {
  if (!live) return undefined;
  const stop = new AbortController();
  const giveUp = () => stop.abort();
  const timer = setTimeout(giveUp, seconds * 1_000);
  api.closing.addEventListener('abort', giveUp, { once: true });
  // A client that hangs up does not keep a long poll.
  res.once('close', giveUp);
  const longPoll = api.waits.take();
  try {
    const finished =
      live.workflow === 'running'
        ? await waitForEnd(live, { client: api.client, reader: api.reader, signal: stop.signal, longPoll, start })
        : undefined;
    if (finished)
      api.metrics.ended.inc({ service: finished.service, status: finished.status, code: finished.error_code ?? '' });
    return finished ?? (res.destroyed ? undefined : (await api.reader.read(live.jobId))?.view);
  } catch (error) {
    // The job is there and goes on; that it cannot be watched just now is no reason to refuse it.
    api.logger.warn({ err: error, job_id: live.jobId }, 'waiting for a job');
    return undefined;
  } finally {
    clearTimeout(timer);
    api.closing.removeEventListener('abort', giveUp);
    if (longPoll) api.waits.give();
  }
}
