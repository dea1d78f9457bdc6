import { Anthropic } from '@anthropic-ai/sdk';
import { HostedApi, type TokenEstimate, type Vendor } from '../base/hosted/hosted-api.ts';
import { explainError } from './errors.ts';
import { readRateHeaders } from './rate-headers.ts';
import type { AnthropicSettings } from './settings.ts';

export type AnthropicApi = HostedApi<Anthropic, AnthropicSettings>;

/** The SDK's own time-out must never fire before ours. Milliseconds. */
const NEVER = 2 ** 31 - 1;
/** The largest page of the list of models. */
const PAGE = 1_000;

/** Anthropic, or a server that speaks its protocol. Nothing is sent yet. */
export function createAnthropicApi(settings: AnthropicSettings): AnthropicApi {
  const vendor: Vendor<Anthropic> = {
    prefix: 'ANTHROPIC',
    connect: (key, fetch, headers) =>
      new Anthropic({
        apiKey: key.value,
        authToken: null,
        baseURL: settings.base_url,
        maxRetries: 0,
        timeout: NEVER,
        // The SDK's log would hold payloads.
        logLevel: 'off',
        openTelemetry: false,
        fetch,
        defaultHeaders: headers,
      }),
    explain: explainError,
    allowances: (headers) => readRateHeaders(headers, Date.now()),
    costs: ({ input }: TokenEstimate) => ({ requests: 1, tokens: input, 'input-tokens': input, 'output-tokens': 1 }),
    listModels: async (client) => (await client.models.list({ limit: PAGE })).data.map((entry) => entry.id),
    findModel: (client, model) => client.models.retrieve(model),
  };
  return new HostedApi(settings, vendor);
}
