import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector, OpenAIVisionConnector } from '../../../connectors/openai/connector.ts';
import { ANSWERS } from '../../doubles/openai/answers.ts';
import { pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const ask = { model: 'gpt-double', prompt: 'hello out there' };

describe('start', () => {
  test('without a key at OpenAI itself: says which variable', async () => {
    const subject = new OpenAITextConnector(undefined, { base_url: 'https://api.openai.com/v1', api_key: '' });
    await expect(subject.initialize()).rejects.toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('OPENAI_API_KEY'),
    });
  });

  test('a server of one’s own wants none', async () => {
    bench.state.keys.clear();
    const subject = bench.connector(OpenAITextConnector, { api_key: '' });
    expect((await bench.start(subject, ask).outcome).status).toBe('completed');
  });

  test('a wrong key', async () => {
    const subject = bench.connector(OpenAITextConnector, { api_key: 'sk-wrong' });
    await expect(subject.initialize()).rejects.toMatchObject({ code: 'authentication' });
    expect(subject.getStatus()).toBe('error');
  });

  test('a server that is away: waits for it', async () => {
    const subject = bench.connector(OpenAITextConnector);
    await bench.double.stop();
    await expect(subject.initialize()).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(subject.getStatus()).toBe('waiting_for_service');
  });

  test('every bad setting is named, with its variable', async () => {
    const bad = { api: 'smoke', poll_seconds: 'soon', base_url: 'nowhere', prices: '{"models": {"a": {}}}' };
    const error = (await bench
      .connector(OpenAITextConnector, bad)
      .initialize()
      .catch((failure: unknown) => failure)) as Error;
    for (const name of ['OPENAI_API:', 'OPENAI_POLL_SECONDS', 'OPENAI_BASE_URL', 'OPENAI_PRICES']) {
      expect(error.message).toContain(name);
    }
  });

  test('declares all its variables with their defaults', () => {
    const variables = OpenAITextConnector.getRequiredEnvVars();
    expect(variables).toMatchObject({
      OPENAI_API_KEY: '${OPENAI_API_KEY:-}',
      OPENAI_BASE_URL: '${OPENAI_BASE_URL:-https://api.openai.com/v1}',
      OPENAI_IF_LOST: '${OPENAI_IF_LOST:-fail}',
    });
  });
});

describe('health', () => {
  test('up and away', async () => {
    const subject = bench.connector(OpenAITextConnector);
    await subject.initialize();
    expect(await subject.checkHealth()).toBe(true);
    expect(await subject.getServiceInfo()).toMatchObject({
      status: 'online',
      base_url: bench.double.url,
      capabilities: {
        supported_models: expect.arrayContaining(['gpt-double']),
        features: expect.arrayContaining(['reattach']),
      },
    });
    expect(await subject.getAvailableModels()).toContain('gpt-double-mini');
    bench.state.faults.order('models', ANSWERS.serverError(), 10);
    await expect(subject.checkHealth()).rejects.toMatchObject({ code: 'backend_error' });
    expect((await subject.getServiceInfo()).status).toBe('offline');
  });

  test('a server without a list of models is healthy, and takes any model', async () => {
    bench.state.lacks.add('models');
    const subject = bench.connector(OpenAITextConnector);
    await subject.initialize();
    expect(await subject.checkHealth()).toBe(true);
    expect((await bench.start(subject, ask).outcome).status).toBe('completed');
  });
});

describe('settings at run time', () => {
  test('take effect for the next job; jobs under way keep theirs', async () => {
    bench.state.keys.add('sk-next');
    const subject = bench.connector(OpenAITextConnector);
    bench.state.pace.hold(1);
    const first = bench.start(subject, ask);
    await bench.until(() => expect(first.live.tokens).toHaveLength(1));
    await subject.updateConfiguration({ api_key: 'sk-next' });
    bench.state.pace.release();
    expect((await first.outcome).status).toBe('completed');
    await bench.start(subject, ask).outcome;
    expect(bench.state.seen('POST', '/chat').map((request) => request.key)).toEqual(['sk-double', 'sk-next']);
  });

  test('bad ones change nothing', async () => {
    const subject = bench.connector(OpenAITextConnector);
    await subject.initialize();
    await expect(subject.updateConfiguration({ poll_seconds: -1 })).rejects.toThrow('OPENAI_POLL_SECONDS');
    expect((await bench.start(subject, ask).outcome).status).toBe('completed');
  });
});

describe('small servers', () => {
  test('know chat completions only: auto takes those, with the old name of the limit', async () => {
    bench.state.lacks.add('responses');
    const { outcome } = bench.start(bench.connector(OpenAITextConnector), { ...ask, max_output_tokens: 3 });
    expect((await outcome).result).toMatchObject({ text: 'You said: hello ' });
    expect(bench.state.seen('POST', '/chat')[0]?.body).toMatchObject({ max_tokens: 3 });
  });

  test('asked for responses all the same: the error says the way out', async () => {
    bench.state.lacks.add('responses');
    const { outcome } = bench.start(bench.connector(OpenAITextConnector), { ...ask, api: 'responses' });
    await expect(outcome).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('OPENAI_API=chat'),
    });
  });

  test('list "name:latest" and answer to "name"', async () => {
    bench.state.models.push('llama:latest');
    bench.state.hiddenModels.add('llama');
    const { outcome } = bench.start(bench.connector(OpenAITextConnector), { ...ask, model: 'llama' });
    expect((await outcome).status).toBe('completed');
    expect(bench.state.seen('GET', '/models/')).toEqual([]);
  });
});

test('questions about several pictures', async () => {
  const [image, second] = [await pngDataUrl(1), await pngDataUrl(2)];
  const subject = bench.connector(OpenAIVisionConnector);
  const { outcome } = bench.start(subject, {
    model: 'gpt-double',
    image,
    images: [second],
    question: 'which?',
    detail: 'low',
  });
  expect((await outcome).result).toMatchObject({ text: 'You said: which?', usage: { input_tokens: 171 } });
  expect(bench.state.seen('POST', '/chat')[0]?.body).toMatchObject({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: image, detail: 'low' } },
          { type: 'image_url', image_url: { url: second, detail: 'low' } },
          { type: 'text', text: 'which?' },
        ],
      },
    ],
  });
});
