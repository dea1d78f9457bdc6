import type { InstanceDocument } from '../../contract/instance.ts';
import type { InstanceView } from '../../contract/machine-view.ts';
import type { ApiClient, RequestOptions } from './client.ts';

/** An {@link InstanceDocument} as JSON has it: moments are texts. */
export type InstanceJson = Omit<InstanceDocument, 'createdAt' | 'lastUsedAt' | 'health'> & {
  createdAt: string;
  lastUsedAt: string | null;
  health: Omit<InstanceDocument['health'], 'lastChecked'> & { lastChecked: string | null };
};

export interface InstanceQuery {
  machine?: string[];
  status?: string[];
}

/** The routes about instances that are no commands. */
export function instanceApi(api: ApiClient) {
  return {
    list: ({ machine, status }: InstanceQuery = {}, options: RequestOptions = {}) =>
      api.json<{ instances: InstanceView[] }>('/instances', {
        ...options,
        query: { machine: machine?.join(','), status: status?.join(',') },
      }),
    /** Asked of the machine itself. */
    get: (machine: string, id: string) =>
      api.json<InstanceView & { details: InstanceJson }>(
        `/instances/${encodeURIComponent(machine)}/${encodeURIComponent(id)}`,
        { query: { full: true }, timeoutMs: 60_000 },
      ),
  };
}
