import { describe, expect, test } from '@jest/globals';
import { OpenAITextConnector } from '../../../connectors/openai/connector.ts';
import { contextFor, jobOf } from '../harness.ts';

const { SWITCHYARD_TEST_OPENAI_MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: key } = process.env;
const REASON = 'set SWITCHYARD_TEST_OPENAI_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY; it may cost a little';
const ready = Boolean(model && url && key);
const ask = { model, prompt: 'Say only the word: harbour', max_output_tokens: 500 };

/** The real thing, or a server that speaks its protocol; with the environment of a worker. */
(ready ? describe : describe.skip)(`a real server${ready ? '' : ` (${REASON})`}`, () => {
  const run = async (payload: object) => {
    const connector = new OpenAITextConnector();
    const context = contextFor();
    const tokens: string[] = [];
    const live = { token: (text: string) => void tokens.push(text), preview: () => {} };
    try {
      const outcome = connector.processJob(jobOf({ ...payload }), () => {}, Object.assign(context, { live }));
      return { result: (await outcome).result as Record<string, unknown>, tokens };
    } finally {
      await connector.cleanup();
      await context.remove();
    }
  };

  test('a text by the API that suits it, token by token', async () => {
    const { result, tokens } = await run(ask);
    expect(String(result['text']).toLowerCase()).toContain('harbour');
    expect(tokens.join('')).toBe(result['text']);
    expect(result['usage']).toMatchObject({ output_tokens: expect.any(Number) });
  });

  test('a text by chat completions, at once', async () => {
    const { result } = await run({ ...ask, api: 'chat', stream: false });
    expect(String(result['text']).toLowerCase()).toContain('harbour');
  });

  test('a model that is not there', async () => {
    await expect(run({ ...ask, model: 'no-such-model-at-all' })).rejects.toMatchObject({ code: 'missing_model' });
  });
});
