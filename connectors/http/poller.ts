import { formatDuration } from '../../contract/duration.ts';
import { ERROR_CODES } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { pause } from './backoff.ts';

export interface PollOptions<T> {
  /**
   * Asks once. A value ends it; `undefined` means not yet, `{retry_after_ms}` not yet and not before then.
   * A retryable ConnectorError is survived up to `max_failures` times in a row; any other error ends it.
   */
  ask: () => Promise<{ value: T } | { retry_after_ms?: number } | undefined>;
  /** What is waited for, for messages. */
  what: string;
  /** Between the first two asks. Milliseconds. Default 1,000. */
  interval_ms?: number;
  /** Longest interval. Milliseconds. Default 10 times the first. */
  max_interval_ms?: number;
  /** Factor between one interval and the next. Default 1.2. */
  growth?: number;
  /** Share by which an interval varies by chance. Default 0.1. */
  jitter?: number;
  /** Given up with `timeout` after this. Milliseconds. Default: never; the job's own run time-out ends it. */
  deadline_ms?: number;
  /** Failures in a row that are survived. Default 5. */
  max_failures?: number;
  /** Hears of survived failures. */
  onFailure?: (error: ConnectorError, inARow: number) => void;
  signal?: AbortSignal;
}

/**
 * Asks until there is a value: at once, then at growing intervals with jitter, and never before a backend's Retry-After.
 * @throws ConnectorError `timeout` past the deadline; the signal's reason on abort; the last error of too many
 */
export async function poll<T>(options: PollOptions<T>): Promise<T> {
  const { ask, what, signal, interval_ms: first = 1_000, growth = 1.2, jitter = 0.1, max_failures = 5 } = options;
  const longest = options.max_interval_ms ?? first * 10;
  const deadline = performance.now() + (options.deadline_ms ?? Infinity);
  let interval = first;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    let atLeast = 0;
    try {
      const answer = await ask();
      if (answer && 'value' in answer) return answer.value;
      failures = 0;
      atLeast = answer?.retry_after_ms ?? 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (!passing(error) || ++failures > max_failures) throw error;
      options.onFailure?.(error, failures);
      atLeast = error.retry_after_ms ?? 0;
    }
    const wait = Math.max(atLeast, interval * (1 - jitter + 2 * jitter * Math.random()));
    if (performance.now() + wait > deadline) {
      const after = formatDuration(options.deadline_ms ?? 0);
      throw new ConnectorError('timeout', `${what} did not end within ${after}`);
    }
    await pause(wait, signal);
    interval = Math.min(longest, interval * growth);
  }
}

function passing(error: unknown): error is ConnectorError {
  return error instanceof ConnectorError && (error.retryable ?? ERROR_CODES[error.code].retryable);
}
