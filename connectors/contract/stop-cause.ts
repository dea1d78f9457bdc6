import { ERROR_CODES } from '../../contract/errors.ts';
import { ConnectorError } from './connector-error.ts';

/**
 * Messages of the Temporal SDK's `CancelledFailure` (ActivityCancelReason, SDK 1.24) when this attempt has to stop but
 * the job has not been cancelled: another attempt follows, or is already under way.
 */
const HANDED_OVER = new Set(['WORKER_SHUTDOWN', 'NOT_FOUND', 'TIMED_OUT', 'PAUSED', 'RESET']);

/**
 * Whether an aborted job goes on in another attempt: the worker leaves, or has lost its claim on the attempt. Then a
 * tracked service job must be left running, for the next attempt to re-attach to. Otherwise the job is over and the
 * backend's work should be stopped.
 */
export function goesOnElsewhere(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectorError) return ERROR_CODES[reason.code].retryable;
  const { name, message } = (reason ?? {}) as Partial<Error>;
  return name === 'CancelledFailure' && HANDED_OVER.has(message ?? '');
}
