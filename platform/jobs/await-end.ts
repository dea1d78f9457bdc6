import type { Client } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import { bounded, isNotFound, TemporalUnavailableError } from './temporal-calls.ts';

type HistoryEvent = temporal.api.history.v1.HistoryEvent.$Properties;
const { HistoryEventFilterType } = proto.temporal.api.enums.v1;

/** One long poll. The server holds it a second less than its deadline, at most 20 s. Milliseconds. */
const POLL_MS = 11_000;

/**
 * Waits for the closing event of a run; costs one open call and nothing else while the job goes on.
 * @returns the closing event, none when the run is forgotten; undefined when `signal` was aborted first
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function awaitEnd(
  client: Client,
  workflowId: string,
  runId: string,
  signal: AbortSignal,
): Promise<{ close?: HistoryEvent } | undefined> {
  let nextPageToken: Uint8Array | undefined;
  while (!signal.aborted) {
    let answer;
    try {
      answer = await bounded(
        client,
        POLL_MS,
        () =>
          client.workflowService.getWorkflowExecutionHistory({
            namespace: client.options.namespace,
            execution: { workflowId, runId },
            waitNewEvent: true,
            historyEventFilterType: HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
            skipArchival: true,
            nextPageToken,
          }),
        signal,
      );
    } catch (error) {
      if (signal.aborted) return undefined;
      if (isNotFound(error)) return {};
      throw error;
    }
    const close = answer.history?.events?.at(-1);
    if (close) return { close };
    if (!answer.nextPageToken?.length) throw new TemporalUnavailableError('The long poll ended without an answer');
    nextPageToken = answer.nextPageToken;
  }
  return undefined;
}
