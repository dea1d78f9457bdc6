import { expect, test } from '@jest/globals';
import { OpenAITextConnector } from '../../../connectors/openai/connector.ts';
import { realServer } from '../base/hosted/real-server.ts';

const { SWITCHYARD_TEST_OPENAI_MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: key } = process.env;
const REASON = 'set SWITCHYARD_TEST_OPENAI_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY; it may cost a little';
const ready = Boolean(model && url && key);
const ask = { model, prompt: 'Say only the word: harbour', max_output_tokens: 500 };

/** The real thing, or a server that speaks its protocol. */
realServer(ready, REASON, OpenAITextConnector, (run) => {
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
