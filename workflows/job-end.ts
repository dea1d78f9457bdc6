import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import { isCancellation } from '@temporalio/workflow';

/**
 * What a job ends with, from whatever ended it.
 *
 * Asking a dead worker to stop ends in a heartbeat time-out, and a connector may answer the request with another error:
 * a job somebody cancelled is cancelled in these cases too.
 */
export function endOf(error: unknown, cancelAsked: boolean): CancelledFailure | ApplicationFailure {
  if (error instanceof CancelledFailure) return error;
  if (isCancellation(error) || cancelAsked)
    return new CancelledFailure('The job was cancelled', undefined, asError(error));
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ActivityFailure) {
    if (error.cause instanceof ApplicationFailure) return deadlineEnd(error) ?? error.cause;
    if (error.cause instanceof TimeoutFailure) return timeoutEnd(error.cause);
  }
  return failure('internal', (error as Error)?.message ?? String(error), {}, asError(error));
}

/** A retry that would start after the deadline is not made: the last failure arrives with this retry state. */
function deadlineEnd(error: ActivityFailure): ApplicationFailure | undefined {
  if (error.retryState !== 'TIMEOUT') return undefined;
  const last = error.cause as ApplicationFailure;
  return failure(
    'timeout',
    `The next attempt would start after the deadline; the last one failed: ${last.message}`,
    { timed_out: true },
    last,
  );
}

function timeoutEnd(timeout: TimeoutFailure): ApplicationFailure {
  switch (timeout.timeoutType) {
    case 'SCHEDULE_TO_CLOSE':
      return failure('timeout', 'The deadline passed before the job was done', { timed_out: true }, timeout);
    case 'START_TO_CLOSE':
      return failure('timeout', 'The job ran longer than its run_timeout', { timed_out: true }, timeout);
    default:
      return failure('worker_lost', 'Workers died again and again while running this job', {}, timeout);
  }
}

function failure(type: string, message: string, details: { timed_out?: boolean }, cause?: Error): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: [details], cause });
}

function asError(error: unknown): Error | undefined {
  return error instanceof Error ? error : undefined;
}
