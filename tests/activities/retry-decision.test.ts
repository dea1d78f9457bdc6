import { describe, expect, test } from '@jest/globals';
import { classifyError } from '../../activities/process-job/classify-error.ts';
import { decideRetry, toFailure } from '../../activities/process-job/retry-decision.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { ArtifactTooLargeError } from '../../platform/artifacts/artifact-store.ts';

const retry = {
  max_attempts: 3,
  initial_interval_ms: 1_000,
  backoff_coefficient: 2,
  max_interval_ms: 3_000,
  max_crashes: 5,
};

describe('classification by type and code', () => {
  test.each<[string, unknown, string]>([
    ['a connector error', new ConnectorError('missing_model', 'x'), 'missing_model'],
    ['too large an output', new ArtifactTooLargeError('a.png', 5), 'output_too_large'],
    [
      'a refused connection inside fetch',
      new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) }),
      'service_unavailable',
    ],
    ['a silent backend', Object.assign(new Error(), { code: 'UND_ERR_HEADERS_TIMEOUT' }), 'timeout'],
    ['AbortSignal.timeout', new DOMException('late', 'TimeoutError'), 'timeout'],
    ['a full disk', Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'service_unavailable'],
    [
      'a worker thread out of memory',
      Object.assign(new Error(), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
      'out_of_memory',
    ],
    ['a bug', new TypeError('x is undefined'), 'internal'],
    ['a message that only looks like a code', new Error('429 rate_limited'), 'internal'],
    ['no error at all', 'text', 'internal'],
  ])('%s', (_, error, code) => {
    expect(classifyError(error).code).toBe(code);
  });
});

describe('the budget', () => {
  const broken = classifyError(new ConnectorError('backend_error', 'broken'));
  const limited = classifyError(new ConnectorError('rate_limited', 'slow', { retry_after_ms: 7_000 }));

  test('counted failures use it up, with growing pauses', () => {
    const decisions = [0, 1, 2].map((before) => decideRetry(broken, before, retry, 0.5));
    expect(decisions).toEqual([
      { failures: 1, final: false, delayMs: 1_000 },
      { failures: 2, final: false, delayMs: 2_000 },
      { failures: 3, final: true, delayMs: 3_000 },
    ]);
  });

  test('a rate limit does not, and waits as long as it was told', () => {
    expect(decideRetry(limited, 2, retry, 0.5)).toEqual({ failures: 2, final: false, delayMs: 7_000 });
  });

  test('an overridden retryability wins over the table', () => {
    const final = classifyError(new ConnectorError('backend_error', 'gone', { retryable: false }));
    expect(decideRetry(final, 0, retry, 0.5).final).toBe(true);
  });

  test('the failure carries code, pause and finality', () => {
    const failure = toFailure(limited, decideRetry(limited, 0, retry, 0.5), retry, undefined);
    expect([failure.type, failure.nextRetryDelay, failure.nonRetryable]).toEqual(['rate_limited', 7_000, false]);
    const last = toFailure(broken, decideRetry(broken, 2, retry, 0.5), retry, undefined);
    expect([last.message, last.nonRetryable]).toEqual(['broken (attempt 3 of 3)', true]);
  });
});
