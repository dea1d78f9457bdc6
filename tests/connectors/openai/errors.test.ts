import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector, OpenAIImageConnector } from '../../../connectors/openai/connector.ts';
import type { StatusFault } from '../../doubles/hosted/faults.ts';
import { ANSWERS } from '../../doubles/openai/answers.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'hello out there' };
const status = (code: number, error?: Record<string, unknown>, headers = {}): StatusFault => ({
  kind: 'status',
  status: code,
  error,
  headers,
});

describe.each(['chat', 'responses'] as const)('refusals of %s', (api) => {
  test.each<[string, StatusFault, object]>([
    ['403', ANSWERS.forbidden(), { code: 'permission' }],
    ['content policy', ANSWERS.contentPolicy(), { code: 'content_policy' }],
    ['invalid prompt', ANSWERS.contentPolicy('invalid_prompt'), { code: 'content_policy' }],
    ['overloaded', ANSWERS.overloaded(), { code: 'service_unavailable' }],
    ['500', ANSWERS.serverError(), { code: 'backend_error', retryable: true }],
    ['504', status(504, { message: 'late' }), { code: 'timeout' }],
    ['408', status(408, { message: 'late' }), { code: 'timeout' }],
    ['409', status(409, { message: 'locked' }), { code: 'conflict', retryable: true }],
    ['413', status(413, { message: 'too big' }), { code: 'payload_too_large' }],
    ['422', status(422, { message: 'strange' }), { code: 'validation' }],
    [
      'a proxy page',
      ANSWERS.proxyPage(),
      { code: 'backend_error', message: expect.stringContaining('502 Bad Gateway') },
    ],
    [
      'final, by the header',
      status(500, { message: 'no use' }, { 'x-should-retry': 'false' }),
      { code: 'backend_error', retryable: false },
    ],
    [
      'Retry-After in milliseconds',
      status(503, { message: 'later' }, { 'retry-after-ms': '1234' }),
      { code: 'service_unavailable', retry_after_ms: 1_234 },
    ],
    [
      'slow down',
      status(429, { message: 'slower', code: 'slow_down' }, { 'retry-after': '2' }),
      { code: 'rate_limited', retry_after_ms: 2_000 },
    ],
  ])('%s', async (_, fault, expected) => {
    bench.state.faults.order(api, fault);
    const { outcome, context } = bench.start(bench.connector(OpenAITextConnector), { ...ask, api });
    await expect(outcome).rejects.toMatchObject(expected);
    expect(bench.state.paidRequests).toBe(0);
    // Whatever it was, nothing was paid, and the next attempt may send.
    expect(context.checkpoints.at(-1)).toEqual({ v: 1 });
  });
});

test.each([
  ['messages', { prompt: 'a' }, '/payload/prompt'],
  ['messages[1].content[0].image_url', { messages: [{ role: 'user', content: 'a' }] }, '/payload/messages'],
  ['max_completion_tokens', { prompt: 'a', max_output_tokens: 9 }, '/payload/max_output_tokens'],
  ['temperature', { prompt: 'a', temperature: 1 }, '/payload/temperature'],
  ['reasoning.effort', { prompt: 'a', reasoning_effort: 'low' }, '/payload/reasoning_effort'],
  ['text.format', { prompt: 'a', format: { type: 'json_object' } }, '/payload/format'],
  ['logit_bias', { prompt: 'a' }, '/payload'],
])('the backend complains of %s: the pointer is of the job', async (param, payload, pointer) => {
  bench.state.faults.order('chat', status(400, { message: 'bad', param, code: 'invalid_value' }));
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), { model: 'gpt-double', ...payload });
  await expect(outcome).rejects.toMatchObject({ code: 'validation', errors: [{ pointer, detail: 'bad' }] });
});

test.each(['chat', 'responses'])('too long a prompt is the fault of the prompt (%s)', async (api) => {
  const prompt = 'word '.repeat(9_000);
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), { model: 'gpt-double', prompt, api });
  await expect(outcome).rejects.toMatchObject({
    code: 'validation',
    message: expect.stringContaining('maximum context length is 8192 tokens'),
    errors: [{ pointer: '/payload/prompt' }],
  });
});

test('a parameter that a reasoning model does not take', async () => {
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), { ...ask, model: 'o9-double', temperature: 1 });
  await expect(outcome).rejects.toMatchObject({ code: 'validation', errors: [{ pointer: '/payload/temperature' }] });
});

test('an unknown model that nobody looked for', async () => {
  const subject = bench.connector(OpenAITextConnector, { check_models: false });
  const { outcome } = bench.start(subject, { ...ask, model: 'gpt-nowhere' });
  await expect(outcome).rejects.toMatchObject({ code: 'missing_model', errors: [{ pointer: '/payload/model' }] });
});

test("the message holds the host, the status, the backend's code, its request and its words", async () => {
  bench.state.faults.order('chat', ANSWERS.contentPolicy());
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), ask);
  await expect(outcome).rejects.toThrow(
    /^127\.0\.0\.1:\d+ says \(HTTP 400, content_policy_violation, request req_\w+\): Your request was rejected/,
  );
});

test('the request carries the job and the attempt', async () => {
  await bench.start(bench.connector(OpenAITextConnector), ask, { jobId: 'a/b', attempt: 3 }).outcome;
  expect(bench.state.seen('POST', '/chat')[0]?.headers['x-client-request-id']).toBe('a%2Fb.3');
});

test('the safety system of pictures', async () => {
  bench.state.faults.order('generations', ANSWERS.contentPolicy('moderation_blocked'));
  const { outcome } = bench.start(bench.connector(OpenAIImageConnector), { model: 'gpt-image-double', prompt: 'a' });
  await expect(outcome).rejects.toMatchObject({ code: 'content_policy' });
});
