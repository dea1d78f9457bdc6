import { ArtifactTooLargeError } from '../../platform/artifacts/artifact-store.ts';
import { TemporalBusyError, TemporalUnavailableError } from '../../platform/jobs/temporal-calls.ts';
import { CommandRefusedError } from '../../platform/machines/send-command.ts';
import { InvalidJobError } from '../../platform/routing/invalid-job-error.ts';
import { HttpProblem } from './http-problem.ts';

/** When to ask again while Temporal is away, seconds. Short: it usually is a restart. */
const RETRY_AFTER = { 'Retry-After': '2' };

/** Any thrown value as the problem a client is told; what we did not foresee becomes `internal` without its text. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof InvalidJobError) {
    return new HttpProblem(error.code, error.message, { errors: error.errors, cause: error });
  }
  if (error instanceof CommandRefusedError) {
    return new HttpProblem(error.code, error.message, { cause: error });
  }
  if (error instanceof TemporalUnavailableError) {
    return new HttpProblem('service_unavailable', error.message, { headers: RETRY_AFTER, cause: error });
  }
  if (error instanceof TemporalBusyError) {
    return new HttpProblem('rate_limited', error.message, { headers: RETRY_AFTER, cause: error });
  }
  if (error instanceof ArtifactTooLargeError) {
    return new HttpProblem('payload_too_large', error.message, { cause: error });
  }
  return (
    systemProblem(error) ??
    new HttpProblem('internal', 'Something went wrong here; the log has it under the request id', { cause: error })
  );
}

function systemProblem(error: unknown): HttpProblem | undefined {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new HttpProblem('service_unavailable', 'The disk of the artifact store is full', {
        headers: { 'Retry-After': '60' },
        cause: error,
      });
    case 'EMFILE':
    case 'ENFILE':
      return new HttpProblem('service_unavailable', 'Too many files are open here; try again shortly', {
        headers: RETRY_AFTER,
        cause: error,
      });
    default:
      return undefined;
  }
}
