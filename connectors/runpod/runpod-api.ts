import { HostedApi, type Vendor } from '../base/hosted/hosted-api.ts';
import { PlainClient } from '../base/hosted/plain-client.ts';
import type { HealthDocument } from './documents.ts';
import { explainError } from './errors.ts';
import type { RunPodSettings } from './settings.ts';

export type RunPodApi = HostedApi<PlainClient, RunPodSettings>;

/**
 * RunPod's API of serverless endpoints, without its SDK: that one gives a submission three seconds and then reports a
 * failure though the job exists, writes to the console, and hides what the API has answered.
 */
export function createRunPodApi(settings: RunPodSettings): RunPodApi {
  const { endpoint_id } = settings;
  const vendor: Vendor<PlainClient> = {
    prefix: 'RUNPOD',
    subject: { word: 'endpoint', pointer: '/payload/endpoint', variable: 'RUNPOD_ENDPOINTS' },
    connect: (key, fetch, headers) =>
      new PlainClient(fetch, settings.base_url, { ...headers, authorization: `Bearer ${key.value}` }),
    explain: explainError,
    // The API has no headers that tell of its limits.
    allowances: () => ({}),
    costs: () => ({}),
    listModels: async (client) => {
      if (endpoint_id) await client.send<HealthDocument>({ path: `${endpoint_id}/health` });
      return [];
    },
  };
  return new HostedApi(settings, vendor);
}
