import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector } from '../../../connectors/openai/connector.ts';
import { ANSWERS } from '../../doubles/openai/answers.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'hello out there' };
const connector = (config = {}) => bench.connector(OpenAITextConnector, { check_models: false, ...config });
const keysUsed = () => bench.state.seen('POST', '/chat').map((request) => request.key);
const three = { api_key: 'sk-one', api_keys: 'sk-two, sk-three' };

async function ready(config: object) {
  for (const key of ['sk-one', 'sk-two', 'sk-three']) bench.state.keys.add(key);
  const subject = connector(config);
  await subject.initialize();
  return subject;
}

test('keys take turns', async () => {
  const subject = await ready(three);
  for (let count = 0; count < 6; count++) await bench.start(subject, ask).outcome;
  expect(new Set(keysUsed().slice(0, 3)).size).toBe(3);
  expect(keysUsed().slice(3)).toEqual(keysUsed().slice(0, 3));
});

describe('a key that does not work is passed over at once and from then on', () => {
  test.each([
    ['revoked', () => bench.state.keys.delete('sk-two')],
    ['used up', () => bench.state.exhausted.add('sk-two')],
  ])('%s', async (_, spoil) => {
    const subject = await ready(three);
    spoil();
    for (let count = 0; count < 8; count++) await bench.start(subject, ask).outcome;
    expect(bench.state.paid.chat).toBe(8);
    expect(keysUsed().filter((key) => key === 'sk-two')).toHaveLength(1);
  });

  test('rate-limited: it rests as long as it was told to', async () => {
    const subject = await ready(three);
    bench.state.faults.order('chat', ANSWERS.rateLimited('60'));
    for (let count = 0; count < 5; count++) await bench.start(subject, ask).outcome;
    const [limited, ...others] = keysUsed();
    expect(others).toHaveLength(5);
    expect(others).not.toContain(limited);
  });
});

describe('when no key works', () => {
  test('all revoked: authentication', async () => {
    const subject = await ready(three);
    bench.state.keys.clear();
    bench.state.keys.add('sk-none-of-these');
    await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({ code: 'authentication' });
    expect(keysUsed()).toHaveLength(3);
  });

  test.each(['insufficient_quota', 'organization_spend_limit_exceeded', 'credit_balance_exhausted'])(
    'used up (%s): final, whatever Retry-After says',
    async (code) => {
      const subject = await ready({});
      const fault = ANSWERS.outOfQuota(code);
      bench.state.faults.order('chat', { ...fault, headers: { 'retry-after': '1' } });
      await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({ code: 'quota_exceeded' });
    },
  );

  test('one used up, one rate-limited: waiting helps', async () => {
    const subject = await ready({ api_key: 'sk-one', api_keys: 'sk-two' });
    bench.state.exhausted.add('sk-one');
    bench.state.faults.order('chat', ANSWERS.rateLimited('7'));
    bench.state.faults.order('chat', ANSWERS.rateLimited('7'));
    await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({
      code: 'rate_limited',
      retry_after_ms: 7_000,
    });
  });

  test('all rate-limited: nothing is sent until the first may go again', async () => {
    const subject = await ready(three);
    bench.state.faults.order('chat', ANSWERS.rateLimited('60'), 2);
    bench.state.faults.order('chat', ANSWERS.rateLimited('30'));
    await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({
      code: 'rate_limited',
      retry_after_ms: 30_000,
    });
    await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringContaining('All 3 API keys'),
    });
    expect(keysUsed()).toHaveLength(3);
    // Another model has limits of its own.
    await bench.start(subject, { ...ask, model: 'gpt-double-mini' }).outcome;
  });
});

describe('limits read from the headers', () => {
  const headers = (remaining: { requests?: string; tokens?: string }, reset: string) => ({
    'x-ratelimit-limit-requests': '100',
    'x-ratelimit-remaining-requests': remaining.requests ?? '99',
    'x-ratelimit-reset-requests': reset,
    'x-ratelimit-limit-tokens': '10000',
    'x-ratelimit-remaining-tokens': remaining.tokens ?? '9999',
    'x-ratelimit-reset-tokens': reset,
  });

  test('no request left: the next is not sent', async () => {
    const subject = await ready({});
    bench.state.rateHeaders = headers({ requests: '0' }, '6m0s');
    await bench.start(subject, ask).outcome;
    const { outcome } = bench.start(subject, ask);
    await expect(outcome).rejects.toMatchObject({ code: 'rate_limited' });
    expect(bench.state.paid.chat).toBe(1);
  });

  test('too few tokens left: a large request waits for its share, a small one goes', async () => {
    const subject = await ready({});
    bench.state.rateHeaders = headers({ tokens: '1000' }, '9m0s');
    await bench.start(subject, ask).outcome;
    const large = bench.start(subject, { ...ask, max_output_tokens: 5_000 });
    const error = await large.outcome.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    // 4,004 of the 9,000 missing tokens: a good four minutes of nine.
    expect((error as { retry_after_ms: number }).retry_after_ms).toBeGreaterThan(230_000);
    expect((error as { retry_after_ms: number }).retry_after_ms).toBeLessThan(250_000);
    await bench.start(subject, { ...ask, max_output_tokens: 500 }).outcome;
    expect(bench.state.paid.chat).toBe(2);
  });

  test('a short wait is waited for', async () => {
    const subject = await ready({});
    bench.state.rateHeaders = headers({ requests: '0' }, '5000ms');
    await bench.start(subject, ask).outcome;
    bench.state.rateHeaders = headers({}, '1s');
    // One request of a hundred comes back every 50 ms.
    await bench.start(subject, ask).outcome;
    expect(bench.state.paid.chat).toBe(2);
  });

  test('without Retry-After a 429 waits for the limit that is used up', async () => {
    const subject = await ready({});
    const fault = ANSWERS.rateLimited('1', headers({ tokens: '0' }, '1m30s'));
    delete fault.headers?.['retry-after'];
    bench.state.faults.order('chat', fault);
    await expect(bench.start(subject, ask).outcome).rejects.toMatchObject({
      code: 'rate_limited',
      retry_after_ms: 90_000,
    });
  });
});

test('an own limit of requests per minute', async () => {
  const subject = await ready({ requests_per_minute: 3 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, (_, id) => bench.start(subject, ask, { jobId: `j${id}` }).outcome),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  expect(bench.state.paid.chat).toBe(2);
  expect(refused).toHaveLength(4);
  for (const reason of refused) expect(reason).toMatchObject({ code: 'rate_limited' });
});

test('keys never show: neither in errors and their causes nor in checkpoints', async () => {
  bench.state.keys.add('sk-one-very-secret');
  const subject = await ready({ api_key: 'sk-one-very-secret' });
  bench.state.faults.order('chat', {
    kind: 'status',
    status: 401,
    error: { message: 'Incorrect API key provided: sk-one-very-secret.', code: 'invalid_api_key' },
  });
  const { outcome, context } = bench.start(subject, ask);
  const error = await outcome.catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'authentication', message: expect.stringContaining('Incorrect API key') });
  expect(inspect(error, { depth: 10 })).not.toContain('very-secret');
  expect(JSON.stringify(context.checkpoints)).not.toContain('very-secret');
});
