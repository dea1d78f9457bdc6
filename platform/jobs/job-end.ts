import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import type { JobError } from '../../contract/errors.ts';
import type { JobStatus } from '../../contract/job-view.ts';
import type { JobOutcome } from '../../contract/plan.ts';
import { decodeFailure, decodePayloads } from './decode.ts';

type HistoryEvent = temporal.api.history.v1.HistoryEvent.$Properties;
const { EventType } = proto.temporal.api.enums.v1;

export interface JobEnd {
  status: Extract<JobStatus, 'completed' | 'failed' | 'cancelled' | 'timed_out'>;
  /** Epoch milliseconds. */
  at: number;
  outcome?: JobOutcome;
  error?: JobError;
}

/** How the run ended; undefined while it goes on. */
export async function endOfHistory(client: Client, events: HistoryEvent[]): Promise<JobEnd | undefined> {
  const last = events.at(-1);
  if (!last) return undefined;
  const at = optionalTsToMs(last.eventTime) ?? 0;
  const converter = client.options.loadedDataConverter;
  switch (last.eventType) {
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: {
      const [outcome] = await decodePayloads(
        converter,
        last.workflowExecutionCompletedEventAttributes?.result?.payloads,
      );
      return { status: 'completed', at, outcome: outcome as JobOutcome | undefined };
    }
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: {
      const failure = await decodeFailure(converter, last.workflowExecutionFailedEventAttributes?.failure);
      return { status: failure?.details.timed_out ? 'timed_out' : 'failed', at, error: failure?.error };
    }
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
      return { status: 'cancelled', at, error: cancelledError(cancelReason(events)) };
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: {
      const reason = last.workflowExecutionTerminatedEventAttributes?.reason;
      return { status: 'cancelled', at, error: cancelledError(reason, 'terminated by an operator') };
    }
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
      return {
        status: 'timed_out',
        at,
        error: { code: 'timeout', message: 'The workflow ran into its execution time-out', retryable: true },
      };
    default:
      return undefined;
  }
}

function cancelReason(events: HistoryEvent[]): string | undefined {
  const request = events.find((event) => event.eventType === EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED);
  return request?.workflowExecutionCancelRequestedEventAttributes?.cause || undefined;
}

function cancelledError(reason: string | null | undefined, how = 'cancelled'): JobError {
  return { code: 'cancelled', message: `The job was ${how}${reason ? `: ${reason}` : ''}`, retryable: false };
}
