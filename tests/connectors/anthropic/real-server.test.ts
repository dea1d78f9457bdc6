import { expect, test } from '@jest/globals';
import { AnthropicConnector } from '../../../connectors/anthropic/connector.ts';
import { realServer } from '../base/hosted/real-server.ts';

const { SWITCHYARD_TEST_ANTHROPIC_MODEL: model, ANTHROPIC_API_KEY: key } = process.env;
const REASON = 'set SWITCHYARD_TEST_ANTHROPIC_MODEL and ANTHROPIC_API_KEY; it costs a little';
const ready = Boolean(model && key);
const ask = { model, prompt: 'Say only the word: harbour', max_tokens: 200 };

/** The real thing, or what ANTHROPIC_BASE_URL names. */
realServer(ready, REASON, AnthropicConnector, (run) => {
  test.each([true, false])('a text, streamed: %s', async (stream) => {
    const { result, tokens } = await run({ ...ask, stream });
    expect(String(result['text']).toLowerCase()).toContain('harbour');
    expect(tokens.join('')).toBe(result['text']);
    expect(result['usage']).toMatchObject({ output_tokens: expect.any(Number) });
  });

  test('a model that is not there', async () => {
    await expect(run({ ...ask, model: 'no-such-model-at-all' })).rejects.toMatchObject({ code: 'missing_model' });
  });
});
