import type { PoolList, ServiceList, ServiceView, WorkerList } from './answers.ts';
import type { ApiClient, RequestOptions } from './client.ts';

/** The routes that tell what there is: services, pools, workers. */
export function catalogApi(api: ApiClient) {
  return {
    services: (options: RequestOptions = {}) => api.json<ServiceList>('/services', options),
    service: (name: string) => api.json<ServiceView>(`/services/${encodeURIComponent(name)}`),
    pools: (options: RequestOptions = {}) => api.json<PoolList>('/pools', options),
    workers: () => api.json<WorkerList>('/workers'),
  };
}
