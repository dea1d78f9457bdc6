import { ApplicationFailure } from '@temporalio/common';
import type { RetryPlan } from '../../contract/plan.ts';
import type { ClassifiedError } from './classify-error.ts';

/** A rate limit without `Retry-After` is asked again after this. Milliseconds. */
const RATE_LIMIT_DELAY = 5_000;

export interface RetryDecision {
  /** Counted failures including this one. */
  failures: number;
  final: boolean;
  delayMs: number;
}

/**
 * Whether and when the job is tried again. Our own budget: only counted failures use it up, so a rate limit or a
 * worker that leaves never costs a job its attempts.
 * @param random 0–1, for ± 20 % jitter, so that many failed jobs do not come back at one moment
 */
export function decideRetry(
  error: ClassifiedError,
  failuresBefore: number,
  retry: RetryPlan,
  random: number,
): RetryDecision {
  const failures = failuresBefore + (error.counted ? 1 : 0);
  const final = !error.retryable || failures >= retry.max_attempts;
  const backoff = retry.initial_interval_ms * retry.backoff_coefficient ** Math.max(0, failures - 1);
  const planned = error.counted ? Math.min(backoff, retry.max_interval_ms) * (0.8 + 0.4 * random) : RATE_LIMIT_DELAY;
  return {
    failures,
    final,
    delayMs: Math.round(Math.max(error.retry_after_ms ?? 0, error.retry_after_ms ? 0 : planned)),
  };
}

/** The only place a connector's error becomes an ApplicationFailure. */
export function toFailure(
  error: ClassifiedError,
  decision: RetryDecision,
  retry: RetryPlan,
  cause: unknown,
): ApplicationFailure {
  const exhausted = decision.final && error.retryable;
  return ApplicationFailure.create({
    type: error.code,
    message: exhausted ? `${error.message} (attempt ${decision.failures} of ${retry.max_attempts})` : error.message,
    nonRetryable: decision.final,
    ...(decision.final ? {} : { nextRetryDelay: decision.delayMs }),
    details: [{ errors: error.errors, retry_after_ms: error.retry_after_ms }],
    cause: cause instanceof Error ? cause : undefined,
  });
}
