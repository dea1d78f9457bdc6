import type { ErrorCode, FieldError, JobError } from './errors.ts';
import { ERROR_CODES, isErrorCode } from './errors.ts';

/**
 * `details[0]` of every ApplicationFailure that Switchyard throws; the failure's `type` is the code.
 */
export interface FailureDetails {
  errors?: FieldError[];
  /** Set when the failure ends the job as `timed_out` instead of `failed`. */
  timed_out?: boolean;
  /** Rate limit: when the backend wants to be asked again, milliseconds. */
  retry_after_ms?: number;
}

/** Builds the wire form of an error from a failure's parts; unknown types become `internal`. */
export function jobErrorOf(type: string | null | undefined, message: string, details?: unknown): JobError {
  const code: ErrorCode = isErrorCode(type) ? type : 'internal';
  const errors = (details as FailureDetails | undefined)?.errors;
  return { code, message, retryable: ERROR_CODES[code].retryable, ...(errors?.length ? { errors } : {}) };
}
