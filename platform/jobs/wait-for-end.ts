import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { JobView } from '../../contract/job-view.ts';
import { awaitEnd } from './await-end.ts';
import type { JobReader } from './job-reader.ts';
import type { JobStart } from './job-start.ts';
import type { LiveJob } from './live-job.ts';
import { plainHistory } from './plain-history.ts';

/** Without a long poll to spare, how often the job is looked at. Milliseconds. */
const LOOK_EVERY_MS = 1_000;

export interface WaitOptions {
  client: Client;
  reader: JobReader;
  /** Aborted when nobody waits any more, the time being up included. */
  signal: AbortSignal;
  /** Long polls may be used up: then it is looked at from time to time. */
  longPoll: boolean;
  /** What the job was started with, where that is known. */
  start?: JobStart;
}

/**
 * Waits for the end of one run.
 * @returns its final view; undefined when `signal` came first
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function waitForEnd(live: LiveJob, options: WaitOptions): Promise<JobView | undefined> {
  const { client, reader, signal } = options;
  if (options.longPoll) {
    const over = await awaitEnd(client, live.workflowId, live.runId, signal);
    if (!over) return undefined;
    const ended: LiveJob = { ...live, workflow: 'completed', activity: undefined };
    const plain = options.start && over.close && (await plainHistory(client, options.start, over.close));
    return plain ? reader.viewOfHistory(ended, plain) : reader.viewOf(ended);
  }
  while (!signal.aborted) {
    const look = await reader.describe(live.jobId);
    if (!look || look.runId !== live.runId || look.workflow !== 'running') {
      return reader.viewOf({ ...live, workflow: 'completed', activity: undefined });
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}
