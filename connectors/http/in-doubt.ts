import { HttpError } from './http-error.ts';

/**
 * For the request that gives a job to a backend which would not know it again: when nobody knows whether it arrived, the
 * job may be at work there and paid for, so it must not be submitted once more.
 * @param error what the request failed with
 * @param place of the setting that decides this, for the message
 * @returns the same error, not to be retried where it is in doubt
 */
export function notTwice(error: unknown, place?: string): unknown {
  if (!(error instanceof HttpError) || error.delivery !== 'in_doubt') return error;
  const why = 'The service may have taken the job, so it is not submitted again';
  return new HttpError(error.code, `${error.message}. ${why}${place ? ` (${place})` : ''}`, {
    cause: error,
    delivery: 'in_doubt',
    retryable: false,
  });
}
