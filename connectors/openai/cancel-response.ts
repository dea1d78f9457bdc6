import { ERROR_CODES } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { backoffMs, pause } from '../http/backoff.ts';
import type { OpenAiApi } from './openai-api.ts';

const TRIES = 4;
const BACKOFF = { firstMs: 200, maxMs: 2_000, growth: 3, jitter: 0.3 };

/**
 * Stops a background response. Safe to repeat, and repeated until the server has said something.
 * @param key label of the API key it was made with
 * @throws ConnectorError when the server cannot be told
 */
export async function cancelResponse(api: OpenAiApi, id: string, key: string | undefined): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await api.read((client) => client.responses.cancel(id), { key });
      return;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      // It is gone, or is no background response: that one ends with its connection.
      if (error.code === 'not_found' || error.code === 'validation') return;
      if (tries >= TRIES || !(error.retryable ?? ERROR_CODES[error.code].retryable)) throw error;
      await pause(backoffMs(BACKOFF, tries), undefined);
    }
  }
}
