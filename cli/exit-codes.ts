import type { ErrorCode } from '../contract/errors.ts';
import { ERROR_CODES } from '../contract/errors.ts';
import type { JobStatus } from '../contract/job-view.ts';

/** What the process answers to the shell. `switchyard help exit-codes` and docs/cli.md print this table. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  failed: 3,
  cancelled: 4,
  timedOut: 5,
  notFound: 6,
  unreachable: 7,
  stillGoing: 8,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done; for submit --watch, submit --wait and watch: the job completed'],
  [EXIT.error, 'something went wrong that no other number tells'],
  [EXIT.usage, 'the command or what it was given is not valid; nothing was started'],
  [EXIT.failed, 'the job failed'],
  [EXIT.cancelled, 'the job was cancelled'],
  [EXIT.timedOut, 'the job timed out'],
  [EXIT.notFound, 'there is no such job, artifact, service, pool, machine or instance'],
  [EXIT.unreachable, 'the API cannot be reached, or Temporal is away'],
  [EXIT.stillGoing, 'the time given to --wait ended before the job did; the job goes on'],
  [EXIT.interrupted, 'interrupted with Ctrl-C; a watched job goes on'],
];

/** For commands whose outcome is the job's outcome. A job that has not ended is `stillGoing`. */
export function exitCodeOfStatus(status: JobStatus): ExitCode {
  switch (status) {
    case 'completed':
      return EXIT.ok;
    case 'failed':
      return EXIT.failed;
    case 'cancelled':
      return EXIT.cancelled;
    case 'timed_out':
      return EXIT.timedOut;
    case 'queued':
    case 'running':
      return EXIT.stillGoing;
    default:
      return status satisfies never;
  }
}

const INVALID_INPUT: readonly ErrorCode[] = [
  'validation',
  'malformed',
  'payload_too_large',
  'unsupported_media',
  'idempotency_mismatch',
];

/** For a request that the API refused. */
export function exitCodeOfProblem(code: ErrorCode): ExitCode {
  if (INVALID_INPUT.includes(code)) return EXIT.usage;
  if (code === 'not_found') return EXIT.notFound;
  return ERROR_CODES[code].http === 503 || code === 'timeout' ? EXIT.unreachable : EXIT.error;
}
