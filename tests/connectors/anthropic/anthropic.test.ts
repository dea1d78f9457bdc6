import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { AnthropicConnector } from '../../../connectors/anthropic/connector.ts';
import { readRateHeaders } from '../../../connectors/anthropic/rate-headers.ts';
import { ANTHROPIC_ANSWERS, anthropicError } from '../../doubles/anthropic/answers.ts';
import { AnthropicDouble } from '../../doubles/anthropic/anthropic-double.ts';
import type { StatusFault, WorkFault } from '../../doubles/hosted/faults.ts';
import { cancelled, HostedBench, pngDataUrl } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => AnthropicDouble.start());
const ask = { model: 'claude-double', prompt: 'hello out there' };
const connector = (config = {}) => bench.connector(AnthropicConnector, config);
const sent = () => bench.state.seen('POST', '/v1/messages').map((request) => request.body ?? {});

describe.each([
  ['streamed', true],
  ['whole', false],
])('messages, %s', (_, stream) => {
  const run = (payload: object, config = {}) => bench.start(connector(config), { ...payload, stream });

  test('a text, with its tokens counted and the request named', async () => {
    const { outcome, live, reports } = run(ask);
    const { result, service_info } = await outcome;
    expect(result).toEqual({
      text: 'You said: hello out there',
      finish_reason: 'stop',
      stop_reason: 'end_turn',
      model: 'claude-double-20260101',
      response_id: expect.stringMatching(/^msg_/),
      request_id: expect.stringMatching(/^req_/),
      usage: {
        input_tokens: 3,
        cached_input_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: 5,
        reasoning_tokens: 0,
        total_tokens: 8,
      },
    });
    expect(service_info).toMatchObject({ connector_id: 'anthropic' });
    expect(live.tokens.map((token) => token.text).join('')).toBe('You said: hello out there');
    expect(reports.at(-1)).toMatchObject({ progress: 100, message: '5 tokens' });
    expect(sent()).toEqual([
      { model: 'claude-double', max_tokens: 4_096, messages: [{ role: 'user', content: 'hello out there' }], stream },
    ]);
  });

  test.each([
    ['max_tokens', 'length'],
    ['stop_sequence', 'stop'],
    ['model_context_window_exceeded', 'length'],
    ['pause_turn', 'pause'],
  ])('it stops for %s', async (reason, finish_reason) => {
    bench.state.stopReason = reason;
    expect((await run(ask).outcome).result).toMatchObject({ finish_reason, stop_reason: reason });
  });

  test('tools the model wants called; what goes back next time stands in the result', async () => {
    bench.state.toolCalls = [{ name: 'weather', arguments: '{"city": "Oslo"}' }];
    const tools = [{ name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }];
    const thinking = { type: 'enabled', budget_tokens: 1_024 };
    const { result } = await run({ ...ask, tools, tool_choice: { name: 'weather' }, thinking }).outcome;
    const call = { id: 'toolu_0', name: 'weather', input: { city: 'Oslo' } };
    expect(result).toMatchObject({
      finish_reason: 'tool_calls',
      tool_calls: [call],
      content: [
        { type: 'thinking', thinking: 'Let me see.', signature: 'c2lnbmVk' },
        { type: 'tool_use', ...call },
      ],
    });
    expect(sent()[0]).toMatchObject({ tools, tool_choice: { type: 'tool', name: 'weather' }, thinking });
    // The answer of the tool, with everything that came.
    const { content } = result as { content: object[] };
    bench.state.toolCalls = [];
    const messages = [
      { role: 'user', content: 'weather?' },
      { role: 'assistant', content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_0', content: 'rain' }] },
    ];
    await bench.start(connector(), { model: 'claude-double', messages, stream }, { jobId: 'job2' }).outcome;
    expect(sent()[1]).toMatchObject({ messages });
  });

  test('a refusal is content_policy, with its category and what it cost', async () => {
    bench.state.faults.order('messages', { kind: 'filtered', after: 99 });
    await expect(run(ask).outcome).rejects.toMatchObject({
      code: 'content_policy',
      message: expect.stringMatching(/cyber: not with me.*5 tokens were written/),
    });
  });

  test('what it cost, the cached part included', async () => {
    bench.state.cachedTokens = 2;
    const prices = JSON.stringify({ models: { 'claude-*': { input: 3, cached_input: 0.3, output: 15 } } });
    const { result } = await run(ask, { prices }).outcome;
    expect(result).toMatchObject({
      usage: { input_tokens: 3, cached_input_tokens: 2 },
      cost: { amount: (1 * 3 + 2 * 0.3 + 5 * 15) / 1e6, currency: 'USD' },
    });
  });

  test('pictures, and everything else the API takes', async () => {
    const [image, second] = [await pngDataUrl(1), await pngDataUrl(2)];
    const payload = {
      ...ask,
      image,
      images: [second],
      system: 'be brief',
      max_tokens: 77,
      stop_sequences: ['END'],
      effort: 'low',
      format: { type: 'json_schema', schema: { type: 'object' } },
      service_tier: 'standard_only',
      betas: ['one-2026-01-01', 'two-2026-01-01'],
      extra_body: { top_k: 5 },
    };
    bench.state.answer = ['{"a"', ': 1}'];
    expect((await run(payload).outcome).result).toMatchObject({ json: { a: 1 }, usage: { input_tokens: 173 } });
    const source = (url: string) => ({ type: 'base64', media_type: 'image/png', data: url.split(',')[1] });
    const content = [
      { type: 'image', source: source(image) },
      { type: 'image', source: source(second) },
      { type: 'text', text: 'hello out there' },
    ];
    expect(sent()[0]).toEqual({
      model: 'claude-double',
      max_tokens: 77,
      messages: [{ role: 'user', content }],
      system: 'be brief',
      stop_sequences: ['END'],
      output_config: { format: payload.format, effort: 'low' },
      service_tier: 'standard_only',
      top_k: 5,
      stream,
    });
    expect(bench.state.seen('POST', '/v1/messages')[0]?.headers['anthropic-beta']).toBe(
      'one-2026-01-01,two-2026-01-01',
    );
  });

  test.each<[string, WorkFault, string]>(
    (
      [
        ['the connection is cut before the answer', { kind: 'reset' }, 'service_unavailable'],
        ['no answer ever', { kind: 'hang' }, 'timeout'],
        ['the stream is cut', { kind: 'drop', after: 2 }, 'service_unavailable'],
        ['the stream ends too early', { kind: 'end', after: 2 }, 'backend_error'],
        ['the stream falls silent', { kind: 'stall', after: 2 }, 'timeout'],
        ['an event that is no JSON', { kind: 'garbage', after: 2 }, 'backend_error'],
        ['an answer that is no JSON', { kind: 'malformed' }, 'backend_error'],
      ] satisfies [string, WorkFault, string][]
    ).filter(([, fault]) => stream || !('after' in fault)),
  )('%s: lost for good, and never paid for twice', async (_name, fault, code) => {
    bench.state.faults.order('messages', fault);
    const subject = connector({ timeout_seconds: 0.3, idle_timeout_seconds: 0.3 });
    const { outcome, context } = bench.start(subject, { ...ask, stream, max_tokens: 50 });
    await expect(outcome).rejects.toMatchObject({
      code,
      retryable: false,
      message: expect.stringMatching(/may have been charged.*up to 50 output tokens of claude-double/),
    });
    const again = bench.start(subject, { ...ask, stream }, bench.inherited(context));
    await expect(again.outcome).rejects.toMatchObject({ retryable: false });
    expect(bench.state.paid.messages).toBe(1);
  });
});

test('"repeat": sent again', async () => {
  bench.state.faults.order('messages', { kind: 'reset' });
  const subject = connector({ if_lost: 'repeat' });
  const first = bench.start(subject, ask);
  await expect(first.outcome).rejects.not.toMatchObject({ retryable: false });
  await bench.start(subject, ask, bench.inherited(first.context)).outcome;
  expect(bench.state.paid.messages).toBe(2);
});

test('an error inside the stream ends it, and is judged by its type', async () => {
  bench.state.faults.order('messages', { kind: 'error', after: 1 });
  const { outcome, context } = bench.start(connector(), ask);
  await expect(outcome).rejects.toMatchObject({
    code: 'service_unavailable',
    message: expect.stringContaining('Overloaded'),
  });
  expect(context.checkpoints.at(-1)).toEqual({ v: 1 });
});

test('arguments of a tool that are cut off are shown as they are', async () => {
  bench.state.toolCalls = [{ name: 'weather', arguments: '{"city": "Oslo"}' }];
  bench.state.stopReason = 'max_tokens';
  bench.state.cutArguments = true;
  const { outcome } = bench.start(connector(), {
    ...ask,
    tools: [{ name: 'weather', input_schema: { type: 'object' } }],
  });
  expect((await outcome).result).toMatchObject({
    tool_calls: [{ input: { unfinished: '{"c' } }],
    finish_reason: 'length',
  });
});

test('a cancel hangs up', async () => {
  bench.state.pace.hold(2);
  const { outcome, context, live } = bench.start(connector(), ask);
  await bench.until(() => expect(live.tokens).toHaveLength(2));
  context.abort(cancelled());
  await expect(outcome).rejects.toThrow('CANCELLED');
  await bench.until(() => expect(bench.state.stopped).toBe(1));
});

test('an answer of any length is taken whole: the SDK does not refuse it', async () => {
  const { outcome } = bench.start(connector(), { ...ask, stream: false, max_tokens: 100_000 });
  expect((await outcome).status).toBe('completed');
});

describe('refusals', () => {
  test.each<[string, StatusFault, object]>([
    ['401', anthropicError(401, 'authentication_error', 'invalid x-api-key'), { code: 'authentication' }],
    ['402', ANTHROPIC_ANSWERS.billing(), { code: 'quota_exceeded' }],
    ['403', ANTHROPIC_ANSWERS.forbidden(), { code: 'permission' }],
    [
      '413 of the edge',
      ANTHROPIC_ANSWERS.edge(),
      { code: 'payload_too_large', message: expect.stringContaining('413') },
    ],
    ['429', ANTHROPIC_ANSWERS.rateLimited('3'), { code: 'rate_limited', retry_after_ms: 3_000 }],
    ['429 of a spent account', ANTHROPIC_ANSWERS.spendLimit(), { code: 'quota_exceeded' }],
    ['500', ANTHROPIC_ANSWERS.serverError(), { code: 'backend_error', retryable: true }],
    ['504', ANTHROPIC_ANSWERS.late(), { code: 'timeout' }],
    ['529', ANTHROPIC_ANSWERS.overloaded(), { code: 'service_unavailable', retryable: true }],
    ['409', anthropicError(409, 'conflict_error', 'busy'), { code: 'conflict', retryable: true }],
    [
      '400 with a place',
      anthropicError(400, 'invalid_request_error', 'system: too strange'),
      { code: 'validation', errors: [{ pointer: '/payload/system' }] },
    ],
    [
      '400 about a message',
      anthropicError(400, 'invalid_request_error', 'messages.2.content.0.text: bad'),
      { code: 'validation', errors: [{ pointer: '/payload/prompt' }] },
    ],
  ])('%s', async (_, fault, expected) => {
    bench.state.faults.order('messages', fault);
    const { outcome, context } = bench.start(connector(), { ...ask, system: 'x' });
    await expect(outcome).rejects.toMatchObject(expected);
    expect(bench.state.paid.messages).toBe(0);
    expect(context.checkpoints.at(-1)).toEqual({ v: 1 });
  });

  test('too long a prompt', async () => {
    const { outcome } = bench.start(connector(), { ...ask, prompt: 'word '.repeat(9_000) });
    await expect(outcome).rejects.toMatchObject({
      code: 'validation',
      message: expect.stringContaining('prompt is too long: 9000 tokens'),
      errors: [{ pointer: '/payload/prompt' }],
    });
  });

  test('a model that is not there, looked up or not', async () => {
    for (const check_models of [true, false]) {
      const { outcome } = bench.start(connector({ check_models }), { ...ask, model: 'claude-dubble' });
      await expect(outcome).rejects.toMatchObject({ code: 'missing_model', errors: [{ pointer: '/payload/model' }] });
    }
    expect(bench.state.paid.messages).toBe(0);
  });

  test('the message names status, type and request; the key shows nowhere', async () => {
    bench.state.keys.add('sk-ant-very-secret');
    bench.state.faults.order('messages', anthropicError(403, 'permission_error', 'sk-ant-very-secret may not'));
    const { outcome } = bench.start(connector({ api_key: 'sk-ant-very-secret' }), ask);
    const error = (await outcome.catch((failure: unknown) => failure)) as Error;
    expect(error.message).toMatch(
      /^127\.0\.0\.1:\d+ says \(HTTP 403, permission_error, request req_\w+\): .* may not$/,
    );
    expect(inspect(error, { depth: 10 })).not.toContain('very-secret');
  });
});

describe('keys and limits', () => {
  test('a spent account is passed over', async () => {
    bench.state.keys.add('sk-two');
    const subject = connector({ api_keys: 'sk-two' });
    await subject.initialize();
    bench.state.exhausted.add('sk-two');
    for (let count = 0; count < 4; count++) await bench.start(subject, ask).outcome;
    expect(bench.state.seen('POST', '/v1/messages').filter((request) => request.key === 'sk-two')).toHaveLength(1);
  });

  test('nothing is sent while the headers say that nothing is left', async () => {
    const reset = new Date(Date.now() + 300_000).toISOString();
    const subject = connector();
    bench.state.rateHeaders = {
      'anthropic-ratelimit-input-tokens-limit': '1000',
      'anthropic-ratelimit-input-tokens-remaining': '2',
      'anthropic-ratelimit-input-tokens-reset': reset,
    };
    await bench.start(subject, ask).outcome;
    const { outcome } = bench.start(subject, { ...ask, prompt: 'word '.repeat(400) });
    await expect(outcome).rejects.toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) });
    expect(bench.state.paid.messages).toBe(1);
  });

  test('headers', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const headers = {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:12Z',
      'anthropic-ratelimit-tokens-limit': '50',
    };
    expect(readRateHeaders(headers, now)).toEqual({ requests: { limit: 50, remaining: 49, reset_ms: 12_000 } });
  });
});

describe('start', () => {
  test('without a key at Anthropic itself: says which variable', async () => {
    const subject = new AnthropicConnector(undefined, { base_url: 'https://api.anthropic.com', api_key: '' });
    await expect(subject.initialize()).rejects.toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('ANTHROPIC_API_KEY'),
    });
  });

  test('health and models', async () => {
    const subject = connector();
    await subject.initialize();
    expect(await subject.checkHealth()).toBe(true);
    expect(await subject.getAvailableModels()).toEqual(['claude-double', 'claude-double-small']);
    expect(await subject.getServiceInfo()).toMatchObject({ status: 'online' });
    bench.state.faults.order('models', ANTHROPIC_ANSWERS.serverError(), 9);
    expect((await subject.getServiceInfo()).status).toBe('offline');
  });

  test('a server without a list of models takes any', async () => {
    bench.state.lacks.add('models');
    expect((await bench.start(connector({ model: 'claude-double' }), { prompt: 'hello' }).outcome).status).toBe(
      'completed',
    );
  });
});

test.each([
  [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, '/payload/messages'],
  [{ prompt: 'a', images: ['data:,'] }, '/payload/image'],
  [{ messages: [{ role: 'system', content: 'b' }] }, '/payload/messages/0/role'],
  [{ messages: [{ role: 'user', content: 'b' }], image: 'data:,' }, '/payload/image'],
  [{ prompt: 'a', max_tokens: 2_000, thinking: { type: 'enabled', budget_tokens: 2_000 } }, '/payload/thinking'],
  [{ prompt: 'a', tool_choice: 'any' }, '/payload/tool_choice'],
  [{ prompt: 'a', extra_body: { max_tokens: 1 } }, '/payload/extra_body'],
  [{ prompt: 'a', betas: ['no good'] }, '/payload/betas/0'],
  [{ prompt: 'a', image: 'data:text/plain;base64,aGVsbG8=' }, '/payload/image'],
])('%j is refused before anything is sent', async (payload, pointer) => {
  const { outcome } = bench.start(connector(), { model: 'claude-double', ...payload });
  const error = (await outcome.catch((failure: unknown) => failure)) as { code: string; errors: { pointer: string }[] };
  expect(error.code).toBe('validation');
  expect(error.errors.map((each) => each.pointer)).toContain(pointer);
  expect(sent()).toEqual([]);
});
