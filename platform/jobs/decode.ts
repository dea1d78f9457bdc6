import type { LoadedDataConverter, Payload } from '@temporalio/common';
import { ApplicationFailure, TimeoutFailure, type ProtoFailure } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/codec-helpers.js';
import { jobErrorOf, type FailureDetails } from '../../contract/job-error-details.ts';
import type { JobError } from '../../contract/errors.ts';

/** What the SDK, and we with it, call the end of an attempt whose worker leaves in order. No fault of anybody. */
const HANDED_OVER = 'WorkerShutdown';

/** Payloads to values, through the client's codecs; an unreadable payload counts as absent. */
export async function decodePayloads(
  converter: LoadedDataConverter,
  payloads: readonly unknown[] | null | undefined,
): Promise<unknown[]> {
  try {
    return await decodeArrayFromPayloads(converter, payloads as Payload[] | undefined);
  } catch {
    return [];
  }
}

export interface DecodedFailure {
  error: JobError;
  details: FailureDetails;
}

/** A failure of an attempt or of a workflow as a job's error: by its type, never by its text. */
export async function decodeFailure(
  converter: LoadedDataConverter,
  failure: unknown,
): Promise<DecodedFailure | undefined> {
  const error = await decodeOptionalFailureToOptionalError(converter, failure as ProtoFailure | undefined);
  if (!error) return undefined;
  if (error instanceof ApplicationFailure) {
    if (error.type === HANDED_OVER) {
      return { error: { code: 'worker_lost', message: error.message, retryable: true }, details: {} };
    }
    const details = (error.details?.[0] ?? {}) as FailureDetails;
    return { error: jobErrorOf(error.type, error.message, details), details };
  }
  if (error instanceof TimeoutFailure) return { error: timeoutError(error), details: {} };
  return { error: jobErrorOf('internal', error.message), details: {} };
}

function timeoutError(timeout: TimeoutFailure): JobError {
  switch (timeout.timeoutType) {
    case 'HEARTBEAT':
      return { code: 'worker_lost', message: 'The worker of this attempt stopped answering', retryable: true };
    case 'START_TO_CLOSE':
      return jobErrorOf('timeout', 'The attempt ran longer than its run_timeout');
    case 'SCHEDULE_TO_START':
      return jobErrorOf('timeout', 'No worker took the job in time');
    default:
      return jobErrorOf('timeout', timeout.message);
  }
}
