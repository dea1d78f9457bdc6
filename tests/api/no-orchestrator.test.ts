import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start({ orchestrator: false });
  await waitUntil(() => api.deps.presence.queue('first.scripted') === 'free');
});
afterAll(() => api.stop());

test('a job that nobody runs workflows for says so, and runs once somebody does', async () => {
  const job = await api.submit();
  for (const seen of [job, await api.get(job.id)]) {
    expect(seen).toMatchObject({ status: 'queued', status_reason: 'no_orchestrator', attempt: 0 });
    expect(seen.status_message).toContain('switchyard orchestrator');
  }
  const { jobs } = await waitUntil(async () => {
    const page = await api.json<{ jobs: JobView[] }>('/api/jobs?status=queued');
    return page.jobs.length === 1 ? page : undefined;
  });
  expect(jobs[0]).toMatchObject({ id: job.id, status_reason: 'no_orchestrator', service: 'scripted', pool: 'first' });
  const early = await api.fetch(`/api/jobs/${job.id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: '{"priority":1}',
  });
  expect([early.status, early.headers.get('retry-after')]).toEqual([409, '1']);
  await early.text();
  const stream = api.events(job.id);
  await stream.until((event) => event.type === 'snapshot');
  await api.stack.startOrchestrator();
  await stream.done;
  expect(stream.events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed' } });
  expect(stream.states().slice(-1)).toEqual(['running 1']);
});

test('who waits for a job when the API stops is told how it stands', async () => {
  api.stack.connector.script = async (_job, _progress, { signal }) => untilAborted(signal);
  const other = await ApiFixture.before(api.stack);
  const { id } = await other.submit();
  await other.untilStatus(id, 'running');
  const waiting = other.json<JobView>(`/api/jobs/${id}?wait=60`);
  await waitUntil(async () => /route="\/api\/jobs\/:id"/.test(await (await other.fetch('/metrics')).text()));
  const [answer] = await Promise.all([waiting, other.close()]);
  expect(answer).toMatchObject({ id, status: 'running' });
  await api.post(`/api/jobs/${id}/cancel`);
  await api.untilStatus(id, 'cancelled');
});

test('HEAD of an event stream ends at once', async () => {
  const { id } = await api.submit();
  const response = await api.fetch(`/api/jobs/${id}/events`, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect((await api.fetch('/api/jobs/none/events', { method: 'HEAD' })).status).toBe(404);
  await api.post(`/api/jobs/${id}/cancel`);
});

test('the last event may be named in the query too', async () => {
  const { id } = await api.submit();
  await api.post(`/api/jobs/${id}/cancel`);
  await api.untilStatus(id, 'cancelled');
  const response = await api.fetch(`/api/jobs/${id}/events?last_event_id=1-0-0-0-0`);
  expect(response.status).toBe(204);
});
