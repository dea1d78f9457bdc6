import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobInput } from '../../contract/job.schema.ts';
import type { JobView } from '../../contract/job-view.ts';
import type { AttemptList, JobPage, LogPage } from './answers.ts';
import type { ApiClient, RequestOptions } from './client.ts';

export interface JobFilter {
  status?: readonly string[];
  service?: string;
  pool?: string;
  tag?: readonly string[];
  limit?: number;
  cursor?: string;
}

/** What a client may change of a job that has not ended. */
export interface JobChange {
  priority?: number;
  pool?: string;
  /** null: none any more. */
  deadline?: string | null;
  tags?: string[];
}

export interface SubmitOptions {
  idempotencyKey?: string;
  /** Answer when the job has ended, but after so many seconds at the latest. */
  waitSeconds?: number;
}

/** The longest wait that one request may ask for. Seconds. */
export const MAX_WAIT_SECONDS = 60;

/** `Prefer: wait` is answered within that time; the answer itself needs a moment more. Milliseconds. */
const WAIT_MARGIN = 15_000;

/** The routes that concern jobs. Everything throws the client's errors. */
export function jobApi(api: ApiClient) {
  const path = (id: string, rest = '') => `/jobs/${encodeURIComponent(id)}${rest}`;
  return {
    submit: (document: JobInput, options: SubmitOptions = {}) =>
      api.json<JobView>('/jobs', {
        method: 'POST',
        body: document,
        headers: submitHeaders(options),
        timeoutMs: waitLimit(options.waitSeconds),
      }),
    list: (filter: JobFilter, options: RequestOptions = {}) =>
      api.json<JobPage>('/jobs', { ...options, query: { ...filter } }),
    get: (id: string, waitSeconds?: number) =>
      api.json<JobView>(path(id), { query: { wait: waitSeconds }, timeoutMs: waitLimit(waitSeconds) }),
    cancel: (id: string) => api.json<JobView>(path(id, '/cancel'), { method: 'POST' }),
    retry: (id: string, options: SubmitOptions = {}) =>
      api.json<JobView>(path(id, '/retry'), { method: 'POST', headers: submitHeaders(options) }),
    update: (id: string, change: JobChange) => api.json<JobView>(path(id), { method: 'PATCH', body: change }),
    artifacts: (id: string) => api.json<{ artifacts: ArtifactRef[] }>(path(id, '/artifacts')),
    attempts: (id: string) => api.json<AttemptList>(path(id, '/attempts')),
    logs: (id: string, limit: number) => api.json<LogPage>(path(id, '/logs'), { query: { limit } }),
  };
}

export function submitHeaders(options: SubmitOptions): Record<string, string> {
  return {
    ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
    ...(options.waitSeconds === undefined ? {} : { prefer: `wait=${options.waitSeconds}` }),
  };
}

export function waitLimit(waitSeconds: number | undefined): number | undefined {
  return waitSeconds === undefined ? undefined : waitSeconds * 1_000 + WAIT_MARGIN;
}
