import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector } from '../../../connectors/openai/connector.ts';
import { pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'hello out there' };
const APIS = [
  ['chat', {}],
  ['chat', { stream: false }],
  ['responses', {}],
  ['responses', { stream: false }],
  ['responses', { background: true }],
  ['responses', { background: true, stream: false }],
] as const;

describe.each(APIS)('%s %j', (api, how) => {
  const run = (payload: object) => bench.start(bench.connector(OpenAITextConnector), { ...payload, api, ...how });

  test('a text, with its tokens counted and the request named', async () => {
    const { outcome } = run(ask);
    const { result, service_info } = await outcome;
    expect(result).toMatchObject({
      text: 'You said: hello out there',
      finish_reason: 'stop',
      model: 'gpt-double-2026-01-01',
      usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 },
    });
    expect((result as { response_id: string }).response_id).toMatch(/^(chatcmpl-|resp_)/);
    expect(service_info).toMatchObject({ connector_id: 'openai-text', model: 'gpt-double-2026-01-01' });
    expect(bench.state.paidRequests).toBe(1);
  });

  test('cut at the limit of tokens', async () => {
    const prompt = Array.from({ length: 30 }, (_, index) => `word${index}`).join(' ');
    const { result } = await run({ ...ask, prompt, max_output_tokens: 16 }).outcome;
    expect(result).toMatchObject({ finish_reason: 'length', usage: { output_tokens: 16 } });
  });

  test('fewer tokens than the responses API can be asked for are refused before anything is sent', async () => {
    const outcome = run({ ...ask, max_output_tokens: 2 }).outcome;
    if (api === 'chat') return expect(await outcome).toMatchObject({ result: { finish_reason: 'length' } });
    await expect(outcome).rejects.toMatchObject({ code: 'validation', message: expect.stringContaining('16 or more') });
    expect(bench.state.paidRequests).toBe(0);
  });

  test('tools the model wants called', async () => {
    bench.state.toolCalls = [{ name: 'weather', arguments: '{"city": "Oslo"}' }];
    const tools = [{ name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }];
    const { result } = await run({ ...ask, tools, tool_choice: { name: 'weather' } }).outcome;
    expect(result).toMatchObject({
      text: '',
      finish_reason: 'tool_calls',
      tool_calls: [{ id: 'call_0', name: 'weather', arguments: '{"city": "Oslo"}' }],
    });
  });

  test('a refusal of the model is a result', async () => {
    bench.state.refusal = 'I would rather not.';
    expect((await run(ask).outcome).result).toMatchObject({ text: '', refusal: 'I would rather not.' });
  });

  test('JSON by a schema', async () => {
    bench.state.answer = ['{"city":', ' "Oslo"}'];
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const { result } = await run({ ...ask, format: { type: 'json_schema', name: 'place', schema } }).outcome;
    expect(result).toMatchObject({ json: { city: 'Oslo' } });
    const sent = JSON.stringify(bench.state.seen('POST', `/${api === 'chat' ? 'chat' : 'responses'}`)[0]?.body);
    expect(sent).toContain('"name":"place"');
  });

  test('the content filter ends the job and says what it cost', async () => {
    bench.state.faults.order(api, { kind: 'filtered' });
    await expect(run(ask).outcome).rejects.toMatchObject({
      code: 'content_policy',
      message: expect.stringContaining('5 tokens were written and charged'),
    });
  });

  test('a whole conversation, with tool answers and pictures', async () => {
    const image = await pngDataUrl();
    await run({
      model: 'gpt-double',
      instructions: 'be brief',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image', image, detail: 'low' },
          ],
        },
        { role: 'assistant', tool_calls: [{ id: 'call_7', name: 'look', arguments: '{}' }] },
        { role: 'tool', tool_call_id: 'call_7', content: 'a square' },
        { role: 'assistant', content: 'A square.' },
        { role: 'user', content: 'sure?' },
      ],
    }).outcome;
    const { body } = bench.state.requests.at(-1)?.body
      ? bench.state.requests.at(-1)!
      : bench.state.seen('POST', '/')[0]!;
    const url = expect.stringMatching(/^data:image\/png;base64,/);
    if (api === 'chat') {
      expect(body).toMatchObject({
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: [{ type: 'text' }, { type: 'image_url', image_url: { url, detail: 'low' } }] },
          { role: 'assistant', tool_calls: [{ id: 'call_7', type: 'function', function: { name: 'look' } }] },
          { role: 'tool', tool_call_id: 'call_7', content: 'a square' },
          { role: 'assistant', content: 'A square.' },
          { role: 'user', content: 'sure?' },
        ],
      });
    } else {
      expect(body).toMatchObject({
        instructions: 'be brief',
        input: [
          { role: 'user', content: [{ type: 'input_text' }, { type: 'input_image', image_url: url, detail: 'low' }] },
          { type: 'function_call', call_id: 'call_7', name: 'look' },
          { type: 'function_call_output', call_id: 'call_7', output: 'a square' },
          { role: 'assistant', content: 'A square.' },
          { role: 'user', content: [{ type: 'input_text', text: 'sure?' }] },
        ],
      });
    }
  });
});

test('tokens go to the live channel as they come, and progress follows the limit', async () => {
  bench.state.pace.hold(2);
  const connector = bench.connector(OpenAITextConnector);
  const { outcome, live, reports } = bench.start(connector, { ...ask, max_output_tokens: 10 });
  await bench.until(() => expect(live.tokens).toHaveLength(2));
  expect(live.tokens).toEqual([
    { text: 'You ', position: 0 },
    { text: 'said: ', position: 4 },
  ]);
  expect(reports[0]).toMatchObject({ progress: 9.9, message: '1 token', current_step: 1, total_steps: 10 });
  bench.state.pace.release();
  await outcome;
  expect(reports.at(-1)).toMatchObject({ progress: 100, message: '5 tokens' });
});

test('a long text becomes an artifact; the result keeps its beginning', async () => {
  bench.state.answer = Array.from({ length: 20_000 }, (_, index) => `wörd${index} `);
  const { outcome, context } = bench.start(bench.connector(OpenAITextConnector), { ...ask, api: 'chat' });
  const { result, artifacts } = await outcome;
  const whole = bench.state.answer.join('');
  expect(result).toMatchObject({ text_truncated: true });
  const { text } = result as { text: string };
  expect(whole.startsWith(text) && text.length > 10_000).toBe(true);
  expect(artifacts).toMatchObject([{ name: 'answer.txt', mime: 'text/plain' }]);
  const path = await context.store.localPath(artifacts![0]!.uri);
  expect(await readFile(path!, 'utf8')).toBe(whole);
});

test('what it cost, by the price table', async () => {
  const prices = JSON.stringify({
    models: { 'gpt-*': { input: 100, output: 200 }, 'gpt-double*': { input: 2, output: 10 } },
  });
  const { outcome } = bench.start(bench.connector(OpenAITextConnector, { prices }), ask);
  expect((await outcome).result).toMatchObject({ cost: { amount: (3 * 2 + 5 * 10) / 1e6, currency: 'USD' } });
});

describe('what is refused before it is sent', () => {
  const refused = async (payload: object, config = {}) => {
    const { outcome } = bench.start(bench.connector(OpenAITextConnector, config), { ...payload });
    const error = await outcome.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(bench.state.paidRequests).toBe(0);
    expect(bench.state.requests.some((request) => request.method === 'POST')).toBe(false);
    return error;
  };

  test('a model the server does not have; near ones are named', async () => {
    expect(await refused({ ...ask, model: 'gpt-dubble' })).toMatchObject({
      code: 'missing_model',
      errors: [{ pointer: '/payload/model', hint: expect.stringContaining('gpt-double-mini') }],
    });
  });

  test('a model the operator does not allow', async () => {
    expect(await refused({ ...ask, model: 'o9-double' }, { models: 'gpt-double' })).toMatchObject({
      code: 'permission',
      message: expect.stringContaining('OPENAI_MODELS'),
    });
  });

  test('no model at all', async () => {
    expect(await refused({ prompt: 'hello' })).toMatchObject({
      code: 'validation',
      message: expect.stringContaining('OPENAI_TEXT_MODEL'),
    });
  });

  test.each([
    [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, '/payload/messages'],
    [{ prompt: 'a', stop: ['x'], api: 'responses' }, '/payload/stop'],
    [{ prompt: 'a', previous_response_id: 'resp_1', api: 'chat' }, '/payload/previous_response_id'],
    [{ prompt: 'a', background: true, store: false }, '/payload/background'],
    [{ prompt: 'a', tool_choice: 'required' }, '/payload/tool_choice'],
    [{ prompt: 'a', tools: [{ name: 'b' }], tool_choice: { name: 'c' } }, '/payload/tool_choice'],
    [{ prompt: 'a', extra_body: { stream: false } }, '/payload/extra_body'],
    [{ prompt: 'a', tempurature: 1 }, '/payload/tempurature'],
    [{ messages: [{ role: 'tool', content: 'a' }] }, '/payload/messages/0/tool_call_id'],
    [{ messages: [{ role: 'system', content: [{ type: 'image', image: 'data:,' }] }] }, '/payload/messages/0/content'],
    [{ prompt: '' }, '/payload/prompt'],
  ])('%j', async (payload, pointer) => {
    const error = (await refused({ model: 'gpt-double', ...payload })) as { errors: { pointer: string }[] };
    expect(error).toMatchObject({ code: 'validation' });
    expect(error.errors.map((each) => each.pointer)).toContain(pointer);
  });

  test('a picture that is none', async () => {
    const content = [{ type: 'image', image: 'data:text/plain;base64,aGVsbG8=' }];
    expect(await refused({ model: 'gpt-double', messages: [{ role: 'user', content }] })).toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/messages/0/content/0/image', hint: expect.stringContaining('image/png') }],
    });
  });
});

test("the operator's model serves jobs that name none; more fields go out as they are", async () => {
  const connector = bench.connector(OpenAITextConnector, { text_model: 'gpt-double-mini' });
  const { outcome } = bench.start(connector, { prompt: 'hello', extra_body: { top_k: 7 } });
  expect((await outcome).result).toMatchObject({ model: 'gpt-double-mini-2026-01-01' });
  expect(bench.state.requests.at(-1)?.body).toMatchObject({ top_k: 7 });
});

test('a fine-tuned model that is not listed is asked for by name', async () => {
  bench.state.hiddenModels.add('ft:gpt-double:me');
  const { outcome } = bench.start(bench.connector(OpenAITextConnector), { ...ask, model: 'ft:gpt-double:me' });
  expect((await outcome).result).toMatchObject({ model: 'ft:gpt-double:me-2026-01-01' });
});
