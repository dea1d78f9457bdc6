import { HostedApi, type Vendor } from '../base/hosted/hosted-api.ts';
import { PlainClient } from '../base/hosted/plain-client.ts';
import { explainError } from './errors.ts';
import type { ReplicateSettings } from './settings.ts';

export type ReplicateApi = HostedApi<PlainClient, ReplicateSettings>;

/**
 * Replicate's HTTP API, without its SDK: that one sends a submission up to six times when the connection breaks or a
 * limit is hit, cannot be told not to, and does not wait as long as Retry-After says.
 */
export function createReplicateApi(settings: ReplicateSettings): ReplicateApi {
  const vendor: Vendor<PlainClient> = {
    prefix: 'REPLICATE',
    connect: (key, fetch, headers) =>
      new PlainClient(fetch, settings.base_url, { ...headers, authorization: `Bearer ${key.value}` }),
    explain: explainError,
    // The API names its limits only when one is hit.
    allowances: () => ({}),
    costs: () => ({}),
    // All public models would be many thousands; whether one is there is looked up by its name.
    listModels: async (client) => {
      await client.send({ path: 'account' });
      return [];
    },
  };
  return new HostedApi(settings, vendor);
}
