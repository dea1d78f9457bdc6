import type { PoolList, PoolView, ServiceList, ServiceView, WorkerList } from './answers.ts';
import type { ApiClient, RequestOptions } from './client.ts';

/** The routes that tell what there is: services, pools, workers. */
export function catalogApi(api: ApiClient) {
  return {
    services: (options: RequestOptions = {}) => api.json<ServiceList>('/services', options),
    service: (name: string) => api.json<ServiceView>(`/services/${encodeURIComponent(name)}`),
    pools: (options: RequestOptions = {}) => api.json<PoolList>('/pools', options),
    pool: (name: string) => api.json<PoolView>(poolPath(name)),
    changePoolState: (name: string, verb: 'pause' | 'resume' | 'drain', note?: string) =>
      api.json<PoolView>(`${poolPath(name)}/${verb}`, {
        method: 'POST',
        body: note === undefined ? undefined : { note },
      }),
    changePool: (name: string, change: Record<string, unknown>) =>
      api.json<PoolView>(poolPath(name), { method: 'PATCH', body: change }),
    workers: () => api.json<WorkerList>('/workers'),
  };
}

function poolPath(name: string): string {
  return `/pools/${encodeURIComponent(name)}`;
}
