import type { Supports } from '../contract/subject.ts';

/** A worker that talks to a double, with limits short enough for tests. */
export function environment(url: string, timeout = 2): Record<string, string> {
  return {
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: 'sk-double',
    OPENAI_TIMEOUT_SECONDS: String(timeout),
    OPENAI_IDLE_TIMEOUT_SECONDS: String(timeout),
    OPENAI_POLL_SECONDS: '0.05',
    // The cap of the workers in the contract, in MiB.
    OPENAI_MAX_RESPONSE_MB: String(1_000_000 / 1_048_576),
    OPENAI_HEALTH_CHECK_INTERVAL_SECONDS: '0',
  };
}

const NO_ID = 'the API gives no id to come back with; a lost answer ends the job instead of being paid twice';

/** What the APIs that only answer at once allow. */
export const AT_ONCE: Supports = {
  progress: true,
  cancelWhileSubmitting: true,
  cancelWhileRunning: true,
  cancelWhileFinishing: true,
  reattach: NO_ID,
  lostAnswer: NO_ID,
  drop: NO_ID,
  hugeOutput: true,
  crash: NO_ID,
};

/** Background responses: found again by their id, once that has been heard. */
export const IN_BACKGROUND: Supports = {
  ...AT_ONCE,
  reattach: true,
  lostAnswer: 'the id comes with the answer; when that is lost, the job ends instead of being paid twice',
  drop: true,
  crash: true,
};
