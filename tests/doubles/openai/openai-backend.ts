import { ANSWERS, type OpenAiRoute } from './answers.ts';
import { HostedBackend } from '../hosted/hosted-backend.ts';
import { OpenAiDouble } from './openai-double.ts';

/** @param route where the connector's jobs go */
export async function openAiBackend(route: OpenAiRoute): Promise<HostedBackend> {
  return new HostedBackend(await OpenAiDouble.start(), route, ANSWERS);
}
