import { ANSWERS, type OpenAiRoute } from './faults.ts';
import { HostedBackend } from './hosted-backend.ts';
import { OpenAiDouble } from './openai-double.ts';

/** @param route where the connector's jobs go */
export async function openAiBackend(route: OpenAiRoute): Promise<HostedBackend> {
  return new HostedBackend(await OpenAiDouble.start(), route, ANSWERS);
}
