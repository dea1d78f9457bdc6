import { OpenAI } from 'openai';
import { HostedApi, type TokenEstimate, type Vendor } from '../base/hosted/hosted-api.ts';
import { explainError } from './errors.ts';
import { readRateHeaders } from './rate-headers.ts';
import type { OpenAiSettings } from './settings.ts';

export type OpenAiApi = HostedApi<OpenAI, OpenAiSettings>;

/** The SDK's own time-out must never fire before ours. Milliseconds. */
const NEVER = 2 ** 31 - 1;

/** OpenAI, or a server that speaks its protocol. Nothing is sent yet. */
export function createOpenAiApi(settings: OpenAiSettings): OpenAiApi {
  const { base_url: baseURL, org_id, project_id } = settings;
  const vendor: Vendor<OpenAI> = {
    prefix: 'OPENAI',
    connect: (key, fetch, headers) =>
      new OpenAI({
        apiKey: key.value,
        adminAPIKey: null,
        baseURL,
        organization: org_id ?? null,
        project: project_id ?? null,
        maxRetries: 0,
        timeout: NEVER,
        // The SDK's log would hold payloads.
        logLevel: 'off',
        fetch,
        defaultHeaders: headers,
      }),
    explain: explainError,
    allowances: readRateHeaders,
    costs: ({ input, output }: TokenEstimate) => ({ requests: 1, tokens: input + output }),
    listModels: async (client) => (await client.models.list()).data.map((entry) => entry.id),
    findModel: (client, model) => client.models.retrieve(model),
  };
  return new HostedApi(settings, vendor);
}
