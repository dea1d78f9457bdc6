import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { endOfHistory } from './job-end.ts';
import type { JobHistory } from './job-history.ts';
import type { JobStart } from './job-start.ts';

/** Number of the closing event of a job to which nothing happened but its one activity, retries included. */
const PLAIN_EVENTS = 11;

/**
 * The history of a completed plain job, put together from what its submission knows and its closing event: a client
 * that waits for the end of its own job costs no further call.
 * @returns undefined when more (or else) happened, so that only the real history tells
 */
export async function plainHistory(
  client: Client,
  start: JobStart,
  close: temporal.api.history.v1.HistoryEvent.$Properties,
): Promise<JobHistory | undefined> {
  if (Number(close.eventId) !== PLAIN_EVENTS || !start.prepared) return undefined;
  const end = await endOfHistory(client, [close]);
  const outcome = end?.outcome;
  const route = start.prepared.plan.routes.find(({ pool }) => pool === outcome?.pool);
  if (!outcome || !route) return undefined;
  const { started_at: startedAt, attempts, worker } = outcome;
  return {
    runId: start.runId,
    start,
    tracks: [
      { number: 1, taskQueue: route.task_queue, startedAt, endedAt: end.at, attempts, worker, cancelAsked: false },
    ],
    amended: {},
    end,
    events: PLAIN_EVENTS,
    bytes: 0,
  };
}
