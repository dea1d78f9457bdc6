import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { A1111Double } from './a1111/a1111-double.ts';
import { AnthropicDouble } from './anthropic/anthropic-double.ts';
import { ComfyDouble } from './comfyui/comfy-double.ts';
import { V2Double } from './comfyui/v2-double.ts';
import type { Json } from './hosted/wire.ts';
import { OpenAiDouble } from './openai/openai-double.ts';
import { ReplicateDouble } from './replicate/replicate-double.ts';

/** Sends what a connector must not, and what it may. */
async function send(address: string, body: Json | FormData, headers: Record<string, string> = {}) {
  const content =
    body instanceof FormData
      ? { body, headers }
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
  const answer = await fetch(address, { method: 'POST', ...content });
  return { status: answer.status, body: (await answer.json()) as Json };
}

function form(fields: Record<string, string | Blob>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

describe('OpenAI', () => {
  let double: OpenAiDouble;
  beforeAll(async () => {
    double = await OpenAiDouble.start();
    double.state.keys.clear();
  });
  afterAll(() => double.stop());

  test.each([
    ['/responses', { model: 'gpt-double', input: 'hi', store: 'yes' }, '/store must be boolean'],
    ['/chat/completions', { model: 'gpt-double' }, "must have required property 'messages'"],
  ])('%s', async (path, body, problem) => {
    const { status, body: told } = await send(`${double.url}${path}`, body);
    expect({ status, message: told['error'].message }).toEqual({
      status: 400,
      message: expect.stringContaining(problem),
    });
  });

  test('a form whose file is a text', async () => {
    const { status, body } = await send(`${double.url}/images/edits`, form({ image: 'a text', prompt: 'more' }));
    expect({ status, message: body['error'].message }).toEqual({
      status: 400,
      message: expect.stringContaining('/image'),
    });
  });
});

describe('Anthropic', () => {
  let double: AnthropicDouble;
  beforeAll(async () => {
    double = await AnthropicDouble.start();
    double.state.keys.clear();
  });
  afterAll(() => double.stop());
  const message = { model: 'claude-double', max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] };
  const headers = { 'anthropic-version': '2023-06-01' };

  test.each([
    [{ max_tokens: undefined }, "/ must have required property 'max_tokens'"],
    [{ temperature: 1.5 }, '/temperature must be <= 1'],
    [{ best_of: 2 }, 'must NOT have additional properties ("best_of")'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, '/messages/0 value of tag "role" must be in oneOf ("tool")'],
    [{ tool_choice: { type: 'tool' } }, "/tool_choice must have required property 'name'"],
    [{ output_config: { effort: 'huge' } }, '/output_config/effort must be equal to one of the allowed values'],
  ])('%j', async (wrong, problem) => {
    const { status, body } = await send(`${double.url}/v1/messages`, { ...message, ...wrong }, headers);
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { type: 'error', error: { type: 'invalid_request_error', message: expect.stringContaining(problem) } },
    });
  });

  test('a page of models that is too large', async () => {
    const answer = await fetch(`${double.url}/v1/models?limit=1001`, { headers });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('/limit must be <= 1000');
  });

  test('one as it should be', async () => {
    expect(await send(`${double.url}/v1/messages`, message, headers)).toMatchObject({ status: 200 });
  });
});

describe('Replicate', () => {
  let double: ReplicateDouble;
  beforeAll(async () => {
    double = await ReplicateDouble.start();
    double.state.keys.clear();
  });
  afterAll(() => double.stop());
  const painter = '/models/double/painter/predictions';
  const asked = { input: { prompt: 'a boat' } };

  test.each([
    ['/predictions', asked, {}, "must have required property 'version'"],
    [painter, { input: 'a boat' }, {}, '/input must be object'],
    [painter, { ...asked, version: 'x' }, {}, 'must NOT have additional properties ("version")'],
    ['/deployments/double/deployed/predictions', {}, {}, "must have required property 'input'"],
    [painter, { ...asked, webhook_events_filter: ['end'] }, {}, '/webhook_events_filter/0'],
    [painter, asked, { prefer: 'wait=100' }, '/prefer must match pattern'],
    [painter, asked, { 'cancel-after': 'soon' }, '/cancel-after must match pattern'],
    ['/files', form({ content: 'a text' }), {}, '/content must match format "binary"'],
    ['/files', asked, {}, 'must not be application/json'],
  ])('%s %j %j', async (path, body, headers, problem) => {
    const { status, body: told } = await send(`${double.url}${path}`, body, headers);
    expect({ status, told }).toMatchObject({
      status: 422,
      told: { status: 422, detail: expect.stringContaining(problem) },
    });
  });

  test('one as it should be', async () => {
    const headers = { prefer: 'wait=60', 'cancel-after': '1h30m45s' };
    expect(await send(`${double.url}${painter}`, asked, headers)).toMatchObject({ status: 201 });
  });
});

describe('Comfy API v2', () => {
  let behind: ComfyDouble;
  let double: V2Double;
  beforeAll(async () => {
    behind = await ComfyDouble.start();
    double = await V2Double.start(behind.url);
  });
  afterAll(async () => {
    await double.stop();
    await behind.stop();
  });
  const file = new Blob(['x'], { type: 'image/png' });

  test.each([
    ['jobs', { prompt: {} }, "must have required property 'workflow'"],
    ['jobs', { workflow: [] }, '/workflow must be object'],
    ['jobs', { workflow: {}, extra_data: { client_id: 'x' } }, '/extra_data must NOT have additional properties'],
    ['assets', form({ content_type: 'image/png', file_path: 'x.png' }), "must have required property 'file'"],
    ['assets', form({ file: 'a text', content_type: 'image/png', file_path: 'x.png' }), '/file must match format'],
    ['assets', form({ file }), "must have required property 'content_type'"],
  ])('%s %j', async (route, body, problem) => {
    const { status, body: told } = await send(`${double.url}/api/v2/${route}`, body);
    expect({ status, told }).toMatchObject({
      status: 422,
      told: { error: { code: 'invalid_request', message: expect.stringContaining(problem), details: null } },
    });
  });
});

describe('Automatic1111', () => {
  let double: A1111Double;
  beforeAll(async () => void (double = await A1111Double.start()));
  afterAll(() => double.stop());

  test.each([
    ['/sdapi/v1/txt2img', { steps: 'many' }, 'steps', 'value is not a valid integer'],
    ['/sdapi/v1/extra-batch-images', {}, 'imageList', 'field required'],
    ['/sdapi/v1/options', { sd_model_checkpoint: 1 }, 'sd_model_checkpoint', 'str type expected'],
    ['/internal/progress', { live_preview: 'a' }, 'live_preview', 'value could not be parsed to a boolean'],
  ])('%s', async (path, body, field, msg) => {
    const { status, body: told } = await send(`${double.url}${path}`, body);
    expect({ status, told }).toMatchObject({ status: 422, told: { detail: [{ loc: ['body', field], msg }] } });
  });
});
