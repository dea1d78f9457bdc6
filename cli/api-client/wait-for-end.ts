import { isTerminal, type JobView } from '../../contract/job-view.ts';
import type { ApiClient } from './client.ts';
import { followJob } from './event-stream.ts';
import { jobApi, MAX_WAIT_SECONDS } from './jobs.ts';

/** How much of a wait the first request can take over. */
export function firstWait(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.min(seconds, MAX_WAIT_SECONDS);
}

/**
 * Waits for a job's end, over cuts of the connection too.
 * @returns the finished job, or as it is when the time is up
 * @throws CliError
 */
export async function waitForEnd(api: ApiClient, jobId: string, seconds: number): Promise<JobView> {
  const signal = AbortSignal.timeout(seconds * 1_000);
  // Tells at once when there is no such job, and that the API can be reached at all.
  const job = await jobApi(api).get(jobId);
  if (isTerminal(job.status)) return job;
  try {
    for await (const event of followJob(api, jobId, { signal, patient: true })) {
      if (event.type === 'end') return event.job;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return jobApi(api).get(jobId);
}
