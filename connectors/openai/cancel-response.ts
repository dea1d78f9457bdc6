import { cancelUntilTaken } from '../base/hosted/cancel-until-taken.ts';
import type { OpenAiApi } from './openai-api.ts';

/**
 * Stops a background response. Safe to repeat, and repeated until the server has said something.
 * @param key label of the API key it was made with, if that is known
 * @throws ConnectorError when the server cannot be told
 */
export function cancelResponse(api: OpenAiApi, id: string, key: string | undefined): Promise<void> {
  return cancelUntilTaken(async () => {
    await api.read((client) => client.responses.cancel(id), { key, anyKey: true });
    return true;
  });
}
