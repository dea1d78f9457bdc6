import type { MachineOperation } from '../../contract/machine-command.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import type { MachineList } from './answers.ts';
import type { ApiClient, RequestOptions } from './client.ts';

/** What `POST /machines/{id}/commands` takes. */
export interface CommandWish {
  kind: string;
  args?: Record<string, unknown>;
  issued_by?: string;
  detached?: boolean;
  /** Longest wait for the result, seconds. */
  wait?: number;
}

/** The routes about machines. */
export function machineApi(api: ApiClient) {
  const path = (id: string) => `/machines/${encodeURIComponent(id)}`;
  return {
    list: (options: RequestOptions = {}) => api.json<MachineList>('/machines', options),
    get: (id: string) => api.json<MachineView>(path(id)),
    command: (id: string, wish: CommandWish, options: RequestOptions = {}) =>
      api.json<MachineOperation>(`${path(id)}/commands`, { method: 'POST', body: wish, timeoutMs: 90_000, ...options }),
    operation: (id: string, operation: string) =>
      api.json<MachineOperation>(`${path(id)}/operations/${encodeURIComponent(operation)}`),
    /** Server-sent events of one machine; unread. */
    events: (id: string, signal: AbortSignal) =>
      api.fetch('/machines/events', {
        query: { machine: id },
        headers: { accept: 'text/event-stream' },
        signal,
        timeoutMs: 0,
      }),
  };
}
