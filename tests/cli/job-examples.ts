import type { JobView, ProgressView } from '../../contract/job-view.ts';

/** A job as the API would show it, for what is only rendered. */
export function exampleJob(changes: Partial<JobView> = {}): JobView {
  const id = changes.id ?? '01jd8zq3x5k7m9p2r4t6v8w0ya';
  const self = `http://127.0.0.1:1/api/jobs/${id}`;
  return {
    id,
    status: 'running',
    service: 'simulation',
    pool: 'standard',
    priority: 3,
    tags: [],
    created_at: '2026-01-31T12:00:00.000Z',
    started_at: '2026-01-31T12:00:01.000Z',
    payload: {},
    requirements: {},
    metadata: {},
    attempt: 1,
    max_attempts: 4,
    artifacts: [],
    temporal: { workflow_id: `job/${id}`, run_id: 'run' },
    links: { self, events: `${self}/events`, cancel: `${self}/cancel`, artifacts: `${self}/artifacts` },
    ...changes,
  };
}

export function exampleProgress(changes: Partial<ProgressView> = {}): ProgressView {
  return { seq: 1, percent: 50, updated_at: '2026-01-31T12:00:02.000Z', ...changes };
}
