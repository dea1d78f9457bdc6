import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector } from '../../../connectors/openai/connector.ts';
import { cancelled, shutdown } from '../base/hosted/hosted-bench.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'one two three four five', background: true };
const whole = 'You said: one two three four five';
const connector = (config = {}) => bench.connector(OpenAITextConnector, config);

/** Starts an attempt and waits until so many tokens have come. */
async function underWay(tokens: number, payload: object = ask) {
  bench.state.pace.hold(tokens);
  const started = bench.start(connector(), { ...payload });
  await bench.until(() => expect(started.live.tokens).toHaveLength(tokens));
  return started;
}

test('the id is durable before anything is waited for', async () => {
  const { outcome, context } = await underWay(0);
  await bench.until(() => expect(context.tracked).toHaveLength(1));
  expect(context.tracked[0]).toEqual({
    serviceJobId: bench.double.responseIds[0],
    instance: expect.stringContaining('127.0.0.1'),
  });
  bench.state.pace.release();
  await outcome;
});

describe('the next attempt', () => {
  test('goes on watching what is still running; the tokens are told again by their positions', async () => {
    const { outcome, context, live } = await underWay(3);
    context.abort(shutdown());
    await expect(outcome).rejects.toThrow('WORKER_SHUTDOWN');
    expect(bench.state.cancelled).toEqual([]);
    const next = bench.start(connector(), ask, bench.inherited(context));
    await bench.until(() => expect(next.live.tokens).toEqual(live.tokens));
    bench.state.pace.release();
    expect((await next.outcome).result).toMatchObject({ text: whole, reattached: true });
    expect(next.live.tokens.map((token) => token.text).join('')).toBe(whole);
    expect(bench.state.paid.responses).toBe(1);
  });

  test('collects what has ended meanwhile', async () => {
    const { context } = await underWay(3);
    bench.state.pace.release();
    const [id = ''] = bench.double.responseIds;
    await bench.until(() => expect(bench.double.statusOf(id)).toBe('completed'));
    const next = bench.start(connector(), ask, bench.inherited(context));
    expect((await next.outcome).result).toMatchObject({ text: whole, response_id: id, reattached: true });
    expect(bench.state.paid.responses).toBe(1);
  });

  test('a response that failed is followed by another, but never by two', async () => {
    bench.state.faults.order('responses', { kind: 'failed' });
    bench.state.faults.order('responses', { kind: 'reset' });
    const first = bench.start(connector(), ask);
    await expect(first.outcome).rejects.toMatchObject({ code: 'backend_error' });
    const second = bench.start(connector(), ask, bench.inherited(first.context));
    await expect(second.outcome).rejects.toMatchObject({ retryable: false });
    // As if that attempt had died before it could fail: only the id of the first is tracked.
    const third = bench.start(connector(), ask, {
      attempt: 3,
      serviceJobId: first.context.tracked.at(-1)!.serviceJobId,
      checkpoint: second.context.checkpoints.at(-1),
    });
    await expect(third.outcome).rejects.toMatchObject({ retryable: false });
    expect(bench.state.paid.responses).toBe(2);
  });

  test('asks again when the response has failed', async () => {
    bench.state.faults.order('responses', { kind: 'failed', after: 2 });
    const first = bench.start(connector(), ask);
    await expect(first.outcome).rejects.toMatchObject({ code: 'backend_error' });
    const next = bench.start(connector(), ask, bench.inherited(first.context));
    expect((await next.outcome).result).toMatchObject({ text: whole });
    expect(bench.state.paid.responses).toBe(2);
  });

  test('does not ask again when the server has forgotten it', async () => {
    const { context } = await underWay(3);
    bench.double.forget(bench.double.responseIds[0] ?? '');
    const next = bench.start(connector(), ask, bench.inherited(context));
    await expect(next.outcome).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining('not known there any more'),
    });
    const repeat = bench.start(connector(), { ...ask, if_lost: 'repeat' }, bench.inherited(context));
    bench.state.pace.release();
    expect((await repeat.outcome).result).toMatchObject({ text: whole });
    expect(bench.state.paid.responses).toBe(2);
  });

  test('is with the key that asked first, whatever key is next', async () => {
    bench.state.keys.add('sk-other');
    const both = { api_keys: 'sk-other' };
    bench.state.pace.hold(1);
    const first = bench.start(connector(both), ask);
    await bench.until(() => expect(first.live.tokens).toHaveLength(1));
    const key = bench.state.seen('POST', '/responses')[0]?.key;
    const used = new Set<string>();
    for (let attempt = 2; attempt < 6; attempt++) {
      const next = bench.start(connector(both), ask, bench.inherited(first.context, attempt));
      await bench.until(() => expect(next.live.tokens).toHaveLength(1));
      used.add(bench.state.seen('GET', '/responses').at(-1)?.key ?? '');
      next.context.abort(shutdown());
      await expect(next.outcome).rejects.toThrow('WORKER_SHUTDOWN');
    }
    expect([...used]).toEqual([key]);
  });
});

describe('a broken stream', () => {
  test('is taken up after the last event', async () => {
    bench.state.faults.order('responses', { kind: 'drop', after: 2 });
    const { outcome, live } = bench.start(connector(), ask);
    expect((await outcome).result).toMatchObject({ text: whole });
    const pieces = live.tokens.map((token) => token.text);
    expect(pieces.join('')).toBe(whole);
    expect(bench.state.paid.responses).toBe(1);
  });

  test('of a response that still runs is opened again with its number', async () => {
    const { outcome, live } = await underWay(3);
    bench.double.cutConnections();
    await bench.until(() => expect(bench.state.seen('GET', '/responses').at(-1)?.path).toContain('starting_after='));
    bench.state.pace.release();
    expect((await outcome).result).toMatchObject({ text: whole });
    expect(live.tokens.map((token) => token.position)).toEqual([0, 4, 10, 14, 18, 24, 29]);
  });

  test('that breaks again and again is left for asking', async () => {
    bench.state.pace.delayMs = 5;
    bench.state.answer = Array.from({ length: 40 }, (_, index) => `${index} `);
    bench.state.faults.order('responses', { kind: 'drop', after: 1 });
    bench.state.faults.order('retrieve', { kind: 'drop', after: 0 }, 40);
    const { outcome } = bench.start(connector(), ask);
    expect((await outcome).result).toMatchObject({ text: bench.state.answer.join('') });
    expect(bench.state.paid.responses).toBe(1);
  });

  test('before the response has a name: lost', async () => {
    bench.state.faults.order('responses', { kind: 'reset' });
    const { outcome } = bench.start(connector(), ask);
    await expect(outcome).rejects.toMatchObject({ retryable: false });
    expect(bench.state.paid.responses).toBe(1);
  });

  test('while the server cannot answer: the job is tried again and finds its response', async () => {
    const { outcome, context } = await underWay(3);
    bench.state.faults.order('retrieve', { kind: 'status', status: 503 }, 20);
    bench.double.cutConnections();
    await expect(outcome).rejects.toMatchObject({ code: 'service_unavailable' });
    await expect(outcome).rejects.not.toMatchObject({ retryable: false });
    bench.state.faults.clear();
    bench.state.pace.release();
    const next = bench.start(connector(), ask, bench.inherited(context));
    expect((await next.outcome).result).toMatchObject({ text: whole });
    expect(bench.state.paid.responses).toBe(1);
  });
});

describe('cancel', () => {
  test('reaches the response, and no other', async () => {
    const { outcome, context } = await underWay(2);
    const other = bench.start(connector(), ask, { jobId: 'job2' });
    await bench.until(() => expect(other.context.tracked).toHaveLength(1));
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow('CANCELLED');
    const [mine, others] = bench.double.responseIds;
    expect(bench.state.cancelled).toEqual([mine]);
    expect(bench.double.statusOf(others ?? '')).toBe('in_progress');
  });

  test('is repeated until the server has heard it', async () => {
    const { outcome, context } = await underWay(2);
    bench.state.faults.order('cancel', { kind: 'status', status: 503 }, 2);
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow('CANCELLED');
    expect(bench.state.cancelled).toEqual(bench.double.responseIds);
    expect(bench.state.seen('POST', '/responses/')).toHaveLength(3);
  });

  test('while the response is being created: it is stopped as soon as it has a name', async () => {
    bench.state.stages.hold('submitting');
    const { outcome, context } = bench.start(connector(), ask);
    await bench.until(() => expect(bench.state.stages.heldAt('submitting')).toHaveLength(1));
    context.abort(cancelled());
    bench.state.pace.hold(0);
    bench.state.stages.release();
    await expect(outcome).rejects.toThrow('CANCELLED');
    expect(bench.state.cancelled).toEqual(bench.double.responseIds);
    expect(bench.state.paid.responses).toBe(1);
  });

  test('of a response that an earlier attempt has made', async () => {
    const { context } = await underWay(2);
    const next = bench.start(connector(), ask, bench.inherited(context));
    await bench.until(() => expect(next.live.tokens).toHaveLength(2));
    next.context.abort(cancelled());
    await expect(next.outcome).rejects.toThrow('CANCELLED');
    expect(bench.state.cancelled).toEqual(bench.double.responseIds);
  });

  test('while it is polled', async () => {
    bench.state.pace.hold(2);
    const { outcome, context } = bench.start(connector(), { ...ask, stream: false });
    await bench.until(() => expect(bench.state.seen('GET', '/responses').length).toBeGreaterThan(2));
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow('CANCELLED');
    expect(bench.state.cancelled).toEqual(bench.double.responseIds);
  });
});

test('a worker that leaves while the response is created hands its name on', async () => {
  bench.state.stages.hold('submitting');
  const { outcome, context } = bench.start(connector(), ask);
  await bench.until(() => expect(bench.state.stages.heldAt('submitting')).toHaveLength(1));
  context.abort(shutdown());
  bench.state.stages.release();
  await expect(outcome).rejects.toThrow('WORKER_SHUTDOWN');
  expect(context.tracked).toHaveLength(1);
  const next = bench.start(connector(), ask, bench.inherited(context));
  expect((await next.outcome).result).toMatchObject({ text: whole });
  expect(bench.state.paid.responses).toBe(1);
  expect(bench.state.cancelled).toEqual([]);
});

test('a response that was cancelled from outside fails the job for good', async () => {
  const { outcome } = await underWay(2);
  const [id = ''] = bench.double.responseIds;
  await fetch(`${bench.double.url}/responses/${id}/cancel`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-double' },
  });
  await expect(outcome).rejects.toMatchObject({
    retryable: false,
    message: expect.stringContaining('not by this job'),
  });
});

test.each([
  ['rate_limit_exceeded', 'rate_limited'],
  ['invalid_prompt', 'content_policy'],
  ['server_error', 'backend_error'],
  ['vector_store_timeout', 'timeout'],
  ['data_residency_mismatch', 'permission'],
  ['invalid_image_format', 'validation'],
])('a response that failed with %s is %s', async (code, ours) => {
  bench.state.faults.order('responses', { kind: 'failed', after: 1, error: { code, message: 'no' } });
  await expect(bench.start(connector(), ask).outcome).rejects.toMatchObject({ code: ours });
});

test('queryJobStatus tells all states', async () => {
  const subject = connector();
  await subject.initialize();
  bench.state.pace.hold(1);
  const { outcome } = bench.start(subject, ask);
  await bench.until(() => expect(bench.double.responseIds).toHaveLength(1));
  const [id = ''] = bench.double.responseIds;
  await bench.until(async () => expect((await subject.queryJobStatus(id)).status).toBe('running'));
  expect(await subject.queryJobStatus(id)).toMatchObject({ canReconnect: true, canCancel: true });
  bench.state.pace.release();
  await outcome;
  expect(await subject.queryJobStatus(id)).toMatchObject({ status: 'completed', canCancel: false });
  expect(await subject.queryJobStatus('resp_nowhere')).toMatchObject({ status: 'unknown', canReconnect: false });
});
