import { describe, expect, test } from '@jest/globals';
import { createCircuitBreaker } from '../../../connectors/http/circuit-breaker.ts';
import { poll } from '../../../connectors/http/poller.ts';
import { RateLimiter } from '../../../connectors/http/rate-limiter.ts';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import { elapsed, waitUntil } from '../../harness/wait-until.ts';
import { failureOf } from './local-server.ts';

describe('rate limiter', () => {
  test('a burst goes at once, the rest in order and at the rate', async () => {
    const limiter = new RateLimiter({ requests: 3, per_ms: 150 });
    const started = performance.now();
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4, 5].map((n) => limiter.take('k').then(() => order.push(n))));
    expect(order).toEqual([1, 2, 3, 4, 5]);
    // Two more than the burst, at one per 50 ms.
    expect(performance.now() - started).toBeGreaterThan(95);
  });

  test('keys do not wait for each other', async () => {
    const limiter = new RateLimiter({ requests: 1, per_ms: 3_600_000 });
    await limiter.take('a');
    await limiter.take('b');
  });

  test('who gives up leaves the place to the next', async () => {
    const limiter = new RateLimiter({ requests: 1, per_ms: 100 });
    await limiter.take('k');
    const stop = new AbortController();
    const given = failureOf(limiter.take('k', stop.signal));
    const next = limiter.take('k');
    const reason = new Error('cancelled');
    stop.abort(reason);
    expect(await given).toBe(reason);
    await next;
    await expect(limiter.take('k', stop.signal)).rejects.toBe(reason);
  });

  test('a wait that is too long is refused with its length', async () => {
    const limiter = new RateLimiter({ requests: 1, per_ms: 60_000, max_wait_ms: 1_000 });
    await limiter.take('k');
    const error = await failureOf<ConnectorError>(limiter.take('k'));
    expect(error.code).toBe('rate_limited');
    expect(error.retry_after_ms).toBeGreaterThan(50_000);
  });

  test('a held key waits, though there are tokens', async () => {
    const limiter = new RateLimiter({ requests: 10, per_ms: 10 });
    limiter.hold('k', 100);
    const held = elapsed(95);
    await limiter.take('k');
    expect(held()).toBe(true);
  });
});

describe('circuit breaker', () => {
  const down = async () => {
    throw new ConnectorError('service_unavailable', 'down');
  };

  test('opens after failures in a row, tries once after a while, closes on success', async () => {
    const states: string[] = [];
    const breaker = createCircuitBreaker({ name: 'it', failures: 2, open_ms: 50, onChange: (s) => states.push(s) });
    await failureOf(breaker.run(down));
    await breaker.run(async () => 'fine');
    await failureOf(breaker.run(down));
    await failureOf(breaker.run(down));
    let called = false;
    const refused = await failureOf<ConnectorError>(
      breaker.run(async () => {
        called = true;
      }),
    );
    expect(refused.message).toContain('it has failed 2 times in a row');
    expect(refused).toMatchObject({ code: 'service_unavailable', retry_after_ms: 1_000 });
    expect(called).toBe(false);

    await waitUntil(elapsed(60));
    await failureOf(breaker.run(down));
    expect(breaker.state).toBe('open');

    await waitUntil(elapsed(60));
    let finish: (value: string) => void = () => {};
    const trying = breaker.run(() => new Promise<string>((resolve) => (finish = resolve)));
    expect(breaker.state).toBe('half_open');
    expect(await failureOf(breaker.run(async () => 'second'))).toMatchObject({ code: 'service_unavailable' });
    finish('up');
    expect(await trying).toBe('up');
    expect(states).toEqual(['open', 'half_open', 'open', 'half_open', 'closed']);
  });

  test('refusals, rate limits and aborts do not count', async () => {
    const breaker = createCircuitBreaker({ name: 'it', failures: 1 });
    for (const error of [
      new ConnectorError('validation', 'x'),
      new ConnectorError('rate_limited', 'x'),
      new Error('cancelled'),
    ]) {
      expect(await failureOf(breaker.run(() => Promise.reject(error)))).toBe(error);
    }
    expect(breaker.state).toBe('closed');
  });
});

describe('poller', () => {
  test('asks at once and until there is a value', async () => {
    let asked = 0;
    expect(
      await poll({ what: 'it', interval_ms: 1, ask: async () => (++asked === 4 ? { value: 'v' } : undefined) }),
    ).toBe('v');
    expect(asked).toBe(4);
  });

  test('never asks before Retry-After', async () => {
    let asked = 0;
    const waited = elapsed(100);
    await poll({
      what: 'it',
      interval_ms: 1,
      ask: async () => (++asked === 1 ? { retry_after_ms: 105 } : { value: waited() }),
    });
    expect(waited()).toBe(true);
    expect(asked).toBe(2);
  });

  test('survives passing failures, counts them in a row, and not the others', async () => {
    const answers = ['fail', 'fail', 'not yet', 'fail', 'fail', 'done'];
    const heard: number[] = [];
    const ask = async () => {
      const answer = answers.shift();
      if (answer === 'fail') throw new ConnectorError('service_unavailable', 'x');
      return answer === 'done' ? { value: 1 } : undefined;
    };
    await poll({ what: 'it', interval_ms: 1, max_failures: 2, ask, onFailure: (_, n) => heard.push(n) });
    expect(heard).toEqual([1, 2, 1, 2]);
    const final = new ConnectorError('not_found', 'x');
    expect(await failureOf(poll({ what: 'it', ask: () => Promise.reject(final) }))).toBe(final);
    const passing = new ConnectorError('timeout', 'x');
    let asked = 0;
    const always = () => (asked++, Promise.reject(passing));
    expect(await failureOf(poll({ what: 'it', interval_ms: 1, max_failures: 2, ask: always }))).toBe(passing);
    expect(asked).toBe(3);
  });

  test('ends at the deadline, and on abort with its reason', async () => {
    const late = await failureOf(
      poll({ what: 'The export', interval_ms: 10, deadline_ms: 50, ask: async () => undefined }),
    );
    expect(late).toMatchObject({ code: 'timeout' });
    expect(late.message).toContain('The export did not end within 50ms');
    const stop = new AbortController();
    const reason = new Error('cancelled');
    const asked = failureOf(
      poll({
        what: 'it',
        interval_ms: 60_000,
        signal: stop.signal,
        ask: async () => {
          setImmediate(() => stop.abort(reason));
          return undefined;
        },
      }),
    );
    expect(await asked).toBe(reason);
  });
});
