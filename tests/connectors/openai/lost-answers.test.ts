import { describe, expect, test } from '@jest/globals';
import {
  OpenAIImageConnector,
  OpenAITextConnector,
  OpenAIVisionConnector,
} from '../../../connectors/openai/connector.ts';
import type { WorkFault } from '../../doubles/hosted/faults.ts';
import { pngDataUrl, shutdown } from '../base/hosted/hosted-bench.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'hello out there', max_output_tokens: 100 };
const short = { timeout_seconds: 0.3, idle_timeout_seconds: 0.3 };

/** Whatever goes wrong after the request was taken up. */
const LOSSES: [string, WorkFault, string][] = [
  ['the connection is cut before the answer', { kind: 'reset' }, 'service_unavailable'],
  ['no answer ever', { kind: 'hang' }, 'timeout'],
  ['an answer that is no JSON', { kind: 'malformed' }, 'backend_error'],
  ['the stream is cut', { kind: 'drop', after: 2 }, 'service_unavailable'],
  ['the stream ends too early', { kind: 'end', after: 2 }, 'backend_error'],
  ['the stream falls silent', { kind: 'stall', after: 2 }, 'timeout'],
  ['an event that is no JSON', { kind: 'garbage', after: 2 }, 'backend_error'],
];

describe.each([
  ['streamed', true],
  ['whole', false],
])('chat completions, %s', (_, stream) => {
  const losses = LOSSES.filter(([, fault]) => stream || fault.after === undefined);

  test.each(losses)(
    '%s: the job ends, is not tried again, and says what may be charged',
    async (_name, fault, code) => {
      bench.state.faults.order('chat', fault);
      const connector = bench.connector(OpenAITextConnector, short);
      const { outcome, context } = bench.start(connector, { ...ask, stream });
      await expect(outcome).rejects.toMatchObject({
        code,
        retryable: false,
        message: expect.stringMatching(
          /A request was sent to 127\.0\.0\.1:\d+ at 20.*may have been charged.*up to 100 output tokens of gpt-double.*"if_lost": "repeat"/,
        ),
      });
      expect(bench.state.paid.chat).toBe(1);
      // Should the job be tried again all the same, it still knows.
      const again = bench.start(connector, { ...ask, stream }, bench.inherited(context));
      await expect(again.outcome).rejects.toMatchObject({ retryable: false });
      expect(bench.state.paid.chat).toBe(1);
    },
  );

  test('"repeat": the job may be tried again, and is paid for again', async () => {
    bench.state.faults.order('chat', { kind: 'reset' });
    const connector = bench.connector(OpenAITextConnector);
    const payload = { ...ask, stream, if_lost: 'repeat' };
    const { outcome, context } = bench.start(connector, payload);
    await expect(outcome).rejects.toMatchObject({ code: 'service_unavailable' });
    await expect(outcome).rejects.not.toMatchObject({ retryable: false });
    await bench.start(connector, payload, bench.inherited(context)).outcome;
    expect(bench.state.paid.chat).toBe(2);
  });
});

test('the worker is killed in the middle: the next attempt asks for nothing', async () => {
  bench.state.pace.hold(2);
  const connector = bench.connector(OpenAITextConnector);
  const { context, live } = bench.start(connector, ask);
  await bench.until(() => expect(live.tokens).toHaveLength(2));
  const next = bench.start(bench.connector(OpenAITextConnector), ask, bench.inherited(context));
  await expect(next.outcome).rejects.toMatchObject({
    code: 'service_unavailable',
    retryable: false,
    message: expect.stringContaining('before its answer was safe'),
  });
  expect(bench.state.paid.chat).toBe(1);
});

test('the note is durable before the request goes out', async () => {
  const connector = bench.connector(OpenAITextConnector);
  const { outcome, context } = bench.start(connector, ask);
  const save = context.saveCheckpoint;
  let asked = 0;
  context.saveCheckpoint = async (checkpoint) => {
    asked = bench.state.paid.chat;
    await save(checkpoint);
    throw new Error('the server is away');
  };
  await expect(outcome).rejects.toThrow('the server is away');
  expect(asked).toBe(0);
  expect(bench.state.paid.chat).toBe(0);
});

test('nothing was charged when the server was never reached, or has said no', async () => {
  const connector = bench.connector(OpenAITextConnector, { check_models: false });
  await connector.initialize();
  bench.state.faults.order('chat', { kind: 'status', status: 503 });
  const first = bench.start(connector, ask);
  await expect(first.outcome).rejects.toMatchObject({ code: 'service_unavailable' });
  expect(first.context.checkpoints.at(-1)).toEqual({ v: 1 });
  await bench.double.stop();
  await bench.until(() => expect(connector.checkHealth()).rejects.toMatchObject({ delivery: 'not_sent' }));
  const second = bench.start(connector, ask, bench.inherited(first.context));
  await expect(second.outcome).rejects.toMatchObject({ code: 'service_unavailable', delivery: 'not_sent' });
  expect(second.context.checkpoints.at(-1)).toEqual({ v: 1 });
});

test('an error inside the stream is the end of it: it may be asked for again', async () => {
  bench.state.faults.order('chat', { kind: 'error', after: 1 });
  const { outcome, context } = bench.start(bench.connector(OpenAITextConnector), ask);
  await expect(outcome).rejects.toMatchObject({
    code: 'backend_error',
    message: expect.stringContaining('had an error'),
  });
  expect(context.checkpoints.at(-1)).toEqual({ v: 1 });
});

test('the answer was whole and only the count of tokens was lost: it counts', async () => {
  bench.state.lacks.add('stream_usage');
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), ask);
  const { result } = await outcome;
  expect(result).toMatchObject({ text: 'You said: hello out there', usage: undefined });
});

test('a server that knows repeated requests by a header gets the job id in it, and is asked again', async () => {
  bench.state.faults.order('chat', { kind: 'reset' });
  const connector = bench.connector(OpenAITextConnector, { idempotency_header: 'Idempotency-Key' });
  const first = bench.start(connector, ask, { jobId: 'job 7' });
  await expect(first.outcome).rejects.not.toMatchObject({ retryable: false });
  await bench.start(connector, ask, { ...bench.inherited(first.context), jobId: 'job 7' }).outcome;
  const sent = bench.state.seen('POST', '/chat').map((request) => request.headers);
  expect(sent.map((headers) => headers['idempotency-key'])).toEqual(['job%207', 'job%207']);
  expect(sent.map((headers) => headers['x-client-request-id'])).toEqual(['job%207.1', 'job%207.2']);
});

describe('a plain response that is stored', () => {
  const plain = { ...ask, api: 'responses', background: false };

  test('its stream breaks off after it was finished: it is fetched', async () => {
    bench.state.faults.order('responses', { kind: 'drop', after: 4 });
    bench.state.answer = ['a', 'b', 'c', 'd', 'e'];
    bench.state.survivesHangUp = true;
    const { outcome, context } = bench.start(bench.connector(OpenAITextConnector), plain);
    expect((await outcome).result).toMatchObject({ text: 'abcde', reattached: true });
    expect(context.tracked).toHaveLength(1);
    expect(bench.state.paid.responses).toBe(1);
  });

  test('its stream breaks off and it ends with that: lost', async () => {
    bench.state.faults.order('responses', { kind: 'drop', after: 2 });
    bench.state.pace.hold(3);
    const { outcome } = bench.start(bench.connector(OpenAITextConnector), plain);
    await expect(outcome).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining('after 2 tokens'),
    });
  });

  test('a worker that leaves has ended it; the next says so', async () => {
    bench.state.pace.hold(2);
    const connector = bench.connector(OpenAITextConnector);
    const { outcome, context, live } = bench.start(connector, plain);
    await bench.until(() => expect(live.tokens).toHaveLength(2));
    context.abort(shutdown());
    await expect(outcome).rejects.toThrow('WORKER_SHUTDOWN');
    await bench.until(() => expect(bench.state.stopped).toBe(1));
    const next = bench.start(connector, plain, bench.inherited(context));
    await expect(next.outcome).rejects.toMatchObject({ retryable: false });
    expect(bench.state.paid.responses).toBe(1);
  });
});

test('questions about pictures and pictures: the same care', async () => {
  bench.state.faults.order('chat', { kind: 'reset' });
  const image = await pngDataUrl();
  const vision = bench.connector(OpenAIVisionConnector);
  await expect(bench.start(vision, { model: 'gpt-double', image, question: 'what?' }).outcome).rejects.toMatchObject({
    retryable: false,
  });
  const drawing = bench.connector(OpenAIImageConnector);
  bench.state.faults.order('generations', { kind: 'reset' });
  const first = bench.start(drawing, { model: 'gpt-image-double', prompt: 'a boat', n: 3 });
  await expect(first.outcome).rejects.toMatchObject({
    retryable: false,
    message: expect.stringContaining('3 pictures by gpt-image-double'),
  });
  const again = bench.start(drawing, { model: 'gpt-image-double', prompt: 'a boat' }, bench.inherited(first.context));
  await expect(again.outcome).rejects.toMatchObject({ retryable: false });
  expect(bench.state.paid).toMatchObject({ chat: 1, generations: 1 });
});
