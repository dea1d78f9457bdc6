import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { bounded, TemporalUnavailableError } from './temporal-calls.ts';

const { HistoryEventFilterType } = proto.temporal.api.enums.v1;

/** One long poll. The server holds it a second less than its deadline, at most 20 s. Milliseconds. */
const POLL_MS = 11_000;

/**
 * Waits for the closing event of a run; costs one open call and nothing else while the job goes on.
 * @returns true when the run has ended (or is forgotten), false when `signal` was aborted first
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function awaitEnd(
  client: Client,
  workflowId: string,
  runId: string,
  signal: AbortSignal,
): Promise<boolean> {
  let nextPageToken: Uint8Array | undefined;
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  while (!signal.aborted) {
    const poll = bounded(client, POLL_MS, () =>
      client.workflowService.getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution: { workflowId, runId },
        waitNewEvent: true,
        historyEventFilterType: HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
        skipArchival: true,
        nextPageToken,
      }),
    );
    // A call on a native connection cannot be aborted; nobody listens to one that is left behind.
    poll.catch(() => undefined);
    const answer = await Promise.race([poll, aborted]);
    if (!answer) return false;
    if (answer.history?.events?.length) return true;
    if (!answer.nextPageToken?.length) throw new TemporalUnavailableError('The long poll ended without an answer');
    nextPageToken = answer.nextPageToken;
  }
  return false;
}
