import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { JobView } from '../../contract/job-view.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

const catalog = scriptedCatalog({
  first: { retry_initial_interval_seconds: 0.05, retry_attempts: 2, spill_after_seconds: 3_600 },
  slow: { retry_initial_interval_seconds: 600, spill_after_seconds: 3_600 },
  lonely: { spill_after_seconds: 3_600 },
});

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start({ catalog, pools: ['first', 'slow'] });
  await waitUntil(() => api.deps.presence.queue('slow.scripted') === 'free');
  await waitUntil(() => api.deps.presence.queue('jobs') === 'free');
});
afterAll(() => api.stop());
beforeEach(() => {
  api.stack.connector.script = async () => 'done';
});

function untilStopped() {
  api.stack.connector.script = async (_job, _progress, { signal }) => untilAborted(signal);
}

async function problem(response: Response): Promise<Record<string, unknown>> {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const document = (await response.json()) as Record<string, unknown>;
  expect(document['status']).toBe(response.status);
  return document;
}

describe('submit', () => {
  test('answers 201 with the job, its address, and where it goes; 11 events', async () => {
    const response = await api.post('/api/jobs', { service: 'scripted', payload: { text: 'hello' }, tags: ['a'] });
    expect(response.status).toBe(201);
    const job = (await response.json()) as JobView;
    expect(response.headers.get('location')).toBe(`/api/jobs/${job.id}`);
    expect(job).toMatchObject({
      status: 'queued',
      status_reason: 'starting',
      service: 'scripted',
      pool: 'first',
      priority: 3,
      tags: ['a'],
      attempt: 0,
      max_attempts: 3,
      task_queue: 'first.scripted',
      links: { events: `/api/jobs/${job.id}/events` },
    });
    const ended = await api.untilStatus(job.id, 'completed');
    expect(ended).toMatchObject({ result: 'done', attempt: 1, payload: { text: 'hello' }, tags: ['a'] });
    const history = await api.stack.client.workflow.getHandle(`job/${job.id}`).fetchHistory();
    expect(history.events).toHaveLength(11);
  });

  test('Prefer: wait answers with the finished job', async () => {
    const response = await api.post('/api/jobs', { service: 'scripted' }, { prefer: 'wait=30' });
    expect(response.status).toBe(201);
    expect(response.headers.get('preference-applied')).toBe('wait=30');
    expect(await response.json()).toMatchObject({ status: 'completed', result: 'done' });
  });

  test('Prefer: wait answers with the unfinished job when the time is up', async () => {
    untilStopped();
    const response = await api.post('/api/jobs', { service: 'scripted' }, { prefer: 'wait=1' });
    const job = (await response.json()) as JobView;
    expect(job.status).toBe('running');
    await api.post(`/api/jobs/${job.id}/cancel`);
    await api.untilStatus(job.id, 'cancelled');
  });

  test('says why a job will wait', async () => {
    const lonely = await api.submit({ pool: 'lonely' });
    expect(lonely).toMatchObject({ status_reason: 'no_worker', pool: 'lonely' });
    expect(lonely.status_message).toContain('switchyard worker --pool lonely');
    const huge = await api.submit({ requirements: { gpu_count: 8 } });
    expect(huge).toMatchObject({ status_reason: 'unmatched_requirements', pool: 'any' });
    expect(huge.status_message).toContain('8 GPUs');
    // And the same once Temporal has it.
    await waitUntil(async () => (await api.get(huge.id)).attempt === 1);
    expect(await api.get(huge.id)).toMatchObject({ status: 'queued', status_reason: 'unmatched_requirements' });
    expect(await api.get(lonely.id)).toMatchObject({ status: 'queued', status_reason: 'no_worker' });
    for (const { id } of [lonely, huge]) await api.post(`/api/jobs/${id}/cancel`);
  });

  test('every wrong field is named', async () => {
    const response = await api.post('/api/jobs', { service: 'scripted', payload: { number: 11, x: 1 }, pool: 'none' });
    expect(response.status).toBe(422);
    const { code, errors } = await problem(response);
    expect(code).toBe('validation');
    expect((errors as { pointer: string }[]).map((error) => error.pointer).sort()).toEqual([
      '/payload/number',
      '/payload/x',
      '/pool',
    ]);
  });
});

describe('Idempotency-Key', () => {
  test('the same request gives the same job, another body is refused', async () => {
    const headers = { 'idempotency-key': 'one' };
    const first = await api.post('/api/jobs', { service: 'scripted', payload: { text: 'a' } }, headers);
    const again = await api.post('/api/jobs', { payload: { text: 'a' }, service: 'scripted' }, headers);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const [a, b] = [(await first.json()) as JobView, (await again.json()) as JobView];
    expect(b.id).toBe(a.id);
    const other = await api.post('/api/jobs', { service: 'scripted', payload: { text: 'b' } }, headers);
    expect(other.status).toBe(422);
    expect(await problem(other)).toMatchObject({ code: 'idempotency_mismatch', job_id: a.id });
    // A body that is not even valid is another body too.
    const wrong = await api.post('/api/jobs', { service: 'scripted', payload: { text: 5 } }, headers);
    expect(await problem(wrong)).toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('100 at once start one workflow', async () => {
    const headers = { 'idempotency-key': 'many' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => api.post('/api/jobs', { service: 'scripted' }, headers)),
    );
    const jobs = (await Promise.all(answers.map((answer) => answer.json()))) as JobView[];
    expect(new Set(jobs.map((job) => job.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(99);
    await api.untilStatus(jobs[0]!.id, 'completed');
    expect(api.stack.connector.begun.filter((id) => id === jobs[0]!.id)).toHaveLength(1);
  });

  test('a repeated request is answered although its deadline has passed', async () => {
    const headers = { 'idempotency-key': 'late' };
    const body = { service: 'scripted', deadline: new Date(Date.now() + 1_500).toISOString() };
    const first = (await (await api.post('/api/jobs', body, { ...headers, prefer: 'wait=20' })).json()) as JobView;
    expect(first.status).toBe('completed');
    await waitUntil(() => Date.now() > Date.parse(body.deadline));
    const again = await api.post('/api/jobs', body, headers);
    expect([again.status, ((await again.json()) as JobView).id]).toEqual([200, first.id]);
  });
});

describe('read', () => {
  test('the live state with progress, worker and attempt', async () => {
    api.stack.connector.script = async (job, progress, { signal }) => {
      await progress({ job_id: job.id, progress: 40, message: 'half', current_step: 2, total_steps: 5 });
      return untilAborted(signal);
    };
    const { id } = await api.submit();
    const job = await waitUntil(async () => {
      const now = await api.get(id);
      return now.progress?.percent === 40 ? now : undefined;
    });
    expect(job).toMatchObject({
      status: 'running',
      attempt: 1,
      worker: 'worker/first',
      progress: { message: 'half', step_index: 2, total_steps: 5 },
    });
    expect(job.started_at).toBeDefined();
    await api.post(`/api/jobs/${id}/cancel`);
    await api.untilStatus(id, 'cancelled');
  });

  test('the error of a failed job, with its code and its fields', async () => {
    api.stack.connector.script = async () => {
      throw new ConnectorError('missing_model', 'no such model', {
        errors: [{ pointer: '/payload/text', detail: 'x' }],
      });
    };
    const { id } = await api.submit();
    const job = await api.untilStatus(id, 'failed');
    expect(job).toMatchObject({
      error_code: 'missing_model',
      error: {
        code: 'missing_model',
        message: 'no such model',
        retryable: false,
        errors: [{ pointer: '/payload/text' }],
      },
      artifacts: [],
    });
  });

  test('a job that runs too long ends as timed_out', async () => {
    untilStopped();
    const { id } = await api.submit({ run_timeout: 1, retry: { max_attempts: 1 } });
    expect(await api.untilStatus(id, 'timed_out')).toMatchObject({ error: { code: 'timeout' } });
  });

  test('why a job waits between attempts', async () => {
    api.stack.connector.script = async () => {
      throw new ConnectorError('backend_error', 'fell over');
    };
    const { id } = await api.submit({ pool: 'slow' });
    const job = await waitUntil(async () => {
      const now = await api.get(id);
      return now.attempt === 2 ? now : undefined;
    });
    expect(job).toMatchObject({ status: 'queued', status_reason: 'retry_backoff', error: { code: 'backend_error' } });
    expect(job.status_message).toMatch(/^Attempt 2 starts at .*fell over/);
    const { attempts } = await api.json<{ attempts: object[] }>(`/api/jobs/${id}/attempts`);
    expect(attempts).toMatchObject([
      { number: 1, state: 'failed', error: { code: 'backend_error' } },
      { number: 2, state: 'waiting', pool: 'slow' },
    ]);
    await api.post(`/api/jobs/${id}/cancel`);
    await api.untilStatus(id, 'cancelled');
  });

  test('?wait= answers at the end', async () => {
    let finish: (value: string) => void = () => {};
    api.stack.connector.script = () => new Promise((resolve) => (finish = resolve));
    const { id } = await api.submit();
    await api.untilStatus(id, 'running');
    const answer = api.json<JobView>(`/api/jobs/${id}?wait=30`);
    finish('late');
    expect(await answer).toMatchObject({ status: 'completed', result: 'late' });
  });

  test('attempts of a finished job', async () => {
    let tries = 0;
    api.stack.connector.script = async () => {
      if (++tries < 3) throw new ConnectorError('backend_error', `no ${tries}`);
      return 'third time';
    };
    const { id } = await api.submit();
    expect(await api.untilStatus(id, 'completed')).toMatchObject({ attempt: 3, result: 'third time' });
    const { attempts } = await api.json<{ attempts: object[] }>(`/api/jobs/${id}/attempts`);
    expect(attempts).toMatchObject([
      { number: 1, state: 'failed' },
      { number: 2, state: 'failed', error: { message: 'no 2' } },
      { number: 3, state: 'completed', worker: 'worker/first' },
    ]);
  });

  test('a job started with the temporal CLI, and one that cannot be valid', async () => {
    const start = (workflowId: string, ...args: unknown[]) =>
      api.stack.client.workflow.start('job', { taskQueue: 'jobs', workflowId, args });
    await start('my own/id ü', { service: 'scripted', priority: 2, tags: ['cli'], run_timeout: '30s' });
    expect(await api.untilStatus('my own/id ü', 'completed')).toMatchObject({
      service: 'scripted',
      pool: 'first',
      priority: 2,
      tags: ['cli'],
      max_attempts: 3,
      temporal: { workflow_id: 'my own/id ü' },
    });
    await start('wrong', 'not even an object');
    const wrong = await api.untilStatus('wrong', 'failed');
    expect(wrong.error).toMatchObject({ code: 'validation', errors: [{ pointer: '' }] });
    await start('two', { service: 'scripted' }, { priority: 1 });
    const two = await api.untilStatus('two', 'failed');
    expect(two.error).toMatchObject({ code: 'validation', message: expect.stringContaining('one input') as unknown });
  });

  test.each(['nothing', '%00', 'x'.repeat(300), '0'.repeat(26)])('no job %s: 404', async (id) => {
    const response = await api.fetch(`/api/jobs/${id}`);
    expect(response.status).toBe(404);
    expect(await problem(response)).toMatchObject({ code: 'not_found' });
  });

  test('a workflow of another kind is no job', async () => {
    await api.stack.client.workflow.start('other', { taskQueue: 'elsewhere', workflowId: 'other', args: [] });
    expect((await api.fetch('/api/jobs/other')).status).toBe(404);
    expect((await api.post('/api/jobs/other/cancel')).status).toBe(404);
    const { status } = await api.stack.client.workflow.getHandle('other').describe();
    expect(status.name).toBe('RUNNING');
  });
});

describe('cancel', () => {
  test('a running job stops; asking again is as good; then 409 naming its status', async () => {
    untilStopped();
    const { id } = await api.submit();
    await api.untilStatus(id, 'running');
    const answers = await Promise.all([
      api.post(`/api/jobs/${id}/cancel`, { reason: 'changed my mind' }),
      api.post(`/api/jobs/${id}/cancel`, { reason: 'changed my mind' }),
      api.post(`/api/jobs/${id}/cancel`, { reason: 'changed my mind' }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202]);
    const job = await api.untilStatus(id, 'cancelled');
    expect(job.error).toMatchObject({ code: 'cancelled', message: 'The job was cancelled: changed my mind' });
    const late = await api.post(`/api/jobs/${id}/cancel`);
    expect(late.status).toBe(409);
    expect(await problem(late)).toMatchObject({ code: 'conflict', job_status: 'cancelled' });
  });

  test('a job that waits for a worker', async () => {
    const { id } = await api.submit({ pool: 'lonely' });
    expect((await api.post(`/api/jobs/${id}/cancel`)).status).toBe(202);
    expect(await api.untilStatus(id, 'cancelled')).toMatchObject({ attempt: 0 });
  });

  test('a job that an operator terminated counts as cancelled, with the reason', async () => {
    const { id } = await api.submit({ pool: 'lonely' });
    await api.stack.client.workflow.getHandle(`job/${id}`).terminate('made room');
    const job = await api.untilStatus(id, 'cancelled');
    expect(job.error).toMatchObject({ code: 'cancelled' });
    expect(job.error?.message).toContain('made room');
  });
});

describe('retry', () => {
  test('a finished job runs again as a new one', async () => {
    api.stack.connector.script = async () => {
      throw new ConnectorError('validation', 'no');
    };
    const old = await api.submit({ payload: { text: 'again' }, run_timeout: '45s', tags: ['t'] });
    await api.untilStatus(old.id, 'failed');
    api.stack.connector.script = async () => 'better';
    const changed = await api.post(`/api/jobs/${old.id}/retry`, { priority: 1 });
    expect(await problem(changed)).toMatchObject({ code: 'validation', errors: [{ pointer: '/priority' }] });
    const response = await api.post(`/api/jobs/${old.id}/retry`, undefined, { prefer: 'wait=20' });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      retry_of: old.id,
      status: 'completed',
      result: 'better',
      payload: { text: 'again' },
      tags: ['t'],
    });
  });

  test('a job of the temporal CLI runs again too; a deadline that has passed is left out', async () => {
    const deadline = new Date(Date.now() + 2_000).toISOString();
    await api.stack.client.workflow.start('job', {
      taskQueue: 'jobs',
      workflowId: 'by-cli',
      args: [{ service: 'scripted', run_timeout: '30s', deadline }],
    });
    await api.untilStatus('by-cli', 'completed');
    await waitUntil(() => Date.now() > Date.parse(deadline));
    const response = await api.post('/api/jobs/by-cli/retry');
    expect(response.status).toBe(201);
    const job = (await response.json()) as JobView;
    expect(job).toMatchObject({ retry_of: 'by-cli' });
    expect(job.deadline).toBeUndefined();
  });

  test('not while it goes on', async () => {
    const { id } = await api.submit({ pool: 'lonely' });
    const response = await api.post(`/api/jobs/${id}/retry`);
    expect(response.status).toBe(409);
    expect(await problem(response)).toMatchObject({ code: 'conflict', job_status: 'queued' });
    await api.post(`/api/jobs/${id}/cancel`);
  });
});
