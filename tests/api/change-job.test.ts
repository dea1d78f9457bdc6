import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

const catalog = scriptedCatalog({
  away: { spill_after_seconds: 2 },
  first: { spill_after_seconds: 3_600 },
  alone: { spill_after_seconds: 3_600 },
});

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start({ catalog, pools: ['first'], env: { SWITCHYARD_HEARTBEAT_TIMEOUT: '5s' } });
  await waitUntil(() => api.deps.presence.queue('first.scripted') === 'free');
});
afterAll(() => api.stop());
beforeEach(() => {
  api.stack.connector.script = async () => 'done';
});

function patch(id: string, change: unknown): Promise<Response> {
  return api.fetch(`/api/jobs/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });
}

async function changed(id: string, change: object): Promise<JobView> {
  const response = await patch(id, change);
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as JobView;
}

/** A job in the queue of a pool without workers. */
async function queued(document: object = {}): Promise<JobView> {
  const { id } = await api.submit({ pool: 'alone', ...document });
  return waitUntil(async () => {
    const job = await api.get(id);
    return job.attempt === 1 ? job : undefined;
  });
}

async function running(document: object = {}): Promise<JobView> {
  api.stack.connector.script = async (_job, _progress, { signal }) => untilAborted(signal);
  const { id } = await api.submit({ pool: 'first', ...document });
  return api.untilStatus(id, 'running');
}

function later(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

describe('PATCH', () => {
  test('priority of a waiting job, keeping its fairness key', async () => {
    const { id } = await queued();
    expect(await changed(id, { priority: 1 })).toMatchObject({ priority: 1, status: 'queued' });
    const { raw } = await api.stack.client.workflow.getHandle(`job/${id}`).describe();
    expect(raw.pendingActivities?.[0]?.priority).toMatchObject({ priorityKey: 1, fairnessKey: 'default' });
    await api.post(`/api/jobs/${id}/cancel`);
  });

  test('a waiting job goes to another pool and runs there', async () => {
    const { id } = await queued();
    expect((await changed(id, { pool: 'first' })).pool).toBe('first');
    expect(await api.untilStatus(id, 'completed')).toMatchObject({ pool: 'first', worker: 'worker/first' });
  });

  test('a job that was moved stays where it was put, though its plan has other routes', async () => {
    // Without our API: the orchestrator of this test does not know who is there, so the first pool is `away`.
    await api.stack.client.workflow.start('job', {
      taskQueue: 'jobs',
      workflowId: 'mover',
      args: [{ service: 'scripted' }],
    });
    await waitUntil(async () => (await api.get('mover')).pool === 'away');
    expect((await changed('mover', { pool: 'alone' })).pool).toBe('alone');
    const { raw } = await api.stack.client.workflow.getHandle('mover').describe();
    expect(Number(raw.pendingActivities?.[0]?.activityOptions?.scheduleToStartTimeout?.seconds ?? 0)).toBe(0);
    await api.post('/api/jobs/mover/cancel');
    await api.untilStatus('mover', 'cancelled');
  });

  test('a deadline that comes while the job waits ends it as timed_out', async () => {
    const { id } = await queued();
    const deadline = later(1_500);
    expect((await changed(id, { deadline })).deadline).toBe(deadline);
    const job = await api.untilStatus(id, 'timed_out');
    expect(job.error).toMatchObject({ code: 'timeout' });
    expect(Date.parse(job.ended_at!)).toBeGreaterThanOrEqual(Date.parse(deadline) - 200);
  });

  test('a deadline that comes while the job runs stops it', async () => {
    const { id } = await running();
    await changed(id, { deadline: later(1_000) });
    expect(await api.untilStatus(id, 'timed_out')).toMatchObject({ error: { code: 'timeout' } });
  });

  test('a later deadline, and none: what the server had cut short is whole again', async () => {
    const { id } = await queued({ deadline: later(30_000), run_timeout: 100 });
    const options = async () => {
      const { raw } = await api.stack.client.workflow.getHandle(`job/${id}`).describe();
      const found = raw.pendingActivities![0]!.activityOptions!;
      const seconds = (d: { seconds?: unknown } | null | undefined) => Number(d?.seconds ?? 0);
      return [
        seconds(found.scheduleToCloseTimeout),
        seconds(found.startToCloseTimeout),
        seconds(found.heartbeatTimeout),
      ];
    };
    await changed(id, { deadline: later(3_000) });
    expect((await options())[0]).toBeLessThanOrEqual(5);
    const next = later(600_000);
    expect((await changed(id, { deadline: next })).deadline).toBe(next);
    expect((await options()).slice(1)).toEqual([130, 5]);
    const none = await changed(id, { deadline: null });
    expect(none.deadline).toBeUndefined();
    expect(await options()).toEqual([0, 130, 5]);
    await api.post(`/api/jobs/${id}/cancel`);
  });

  test('a running job goes on undisturbed', async () => {
    let finish: (value: string) => void = () => {};
    api.stack.connector.script = () => new Promise((resolve) => (finish = resolve));
    const { id } = await api.submit({ pool: 'first' });
    await api.untilStatus(id, 'running');
    await changed(id, { deadline: later(60_000), priority: 2, tags: ['x', 'y'] });
    finish('whole');
    expect(await api.untilStatus(id, 'completed')).toMatchObject({ result: 'whole', attempt: 1, priority: 2 });
    await waitUntil(async () => (await api.get(id)).tags.join() === 'x,y');
    await waitUntil(async () => {
      const { jobs } = await api.json<{ jobs: { id: string }[] }>('/api/jobs?tag=y');
      return jobs.some((job) => job.id === id);
    });
  });

  test('tags can be taken away', async () => {
    const { id } = await queued({ tags: ['old'] });
    expect((await changed(id, { tags: [] })).tags).toEqual([]);
    await waitUntil(async () => (await api.get(id)).tags.length === 0);
    await api.post(`/api/jobs/${id}/cancel`);
  });

  test('a priority holds on the next queue too', async () => {
    await api.stack.client.workflow.start('job', {
      taskQueue: 'jobs',
      workflowId: 'roamer',
      args: [{ service: 'scripted' }],
    });
    await waitUntil(async () => (await api.get('roamer')).pool === 'away');
    api.stack.connector.script = async (_job, _progress, { signal }) => untilAborted(signal);
    await changed('roamer', { priority: 5 });
    const stream = api.events('roamer');
    const job = await api.untilStatus('roamer', 'running');
    expect(job).toMatchObject({ pool: 'first', priority: 5 });
    await api.post('/api/jobs/roamer/cancel');
    await stream.done;
    // Two activities: waited in vain on the first, started on the second.
    const ids = stream.events.map((event) => event.id.split('-').slice(0, 4).join('-'));
    expect(ids.filter((id, index) => ids.indexOf(id) === index).slice(-4)).toEqual([
      '0-3-1-0',
      '0-3-1-1',
      '0-3-1-2',
      '1-0-0-0',
    ]);
  });

  test.each<[string, unknown, number, object]>([
    ['an unknown pool', { pool: 'nowhere' }, 422, { errors: [{ pointer: '/pool' }] }],
    ['a deadline in the past', { deadline: '2020-01-01T00:00:00Z' }, 422, { errors: [{ pointer: '/deadline' }] }],
    ['a priority out of range', { priority: 9 }, 422, { errors: [{ pointer: '/priority' }] }],
    ['an unknown field', { colour: 'red', priority: 1 }, 422, { errors: [{ pointer: '/colour' }] }],
    ['nothing', {}, 422, { code: 'validation' }],
    ['no object', [], 422, { code: 'validation' }],
  ])('%s is refused', async (_name, change, status, document) => {
    const { id } = await queued();
    const response = await patch(id, change);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(document);
    await api.post(`/api/jobs/${id}/cancel`);
  });

  test('the pool of a running job, and anything of a finished one: 409', async () => {
    const { id } = await running();
    const moved = await patch(id, { pool: 'alone' });
    expect(moved.status).toBe(409);
    await api.post(`/api/jobs/${id}/cancel`);
    await api.untilStatus(id, 'cancelled');
    const late = await patch(id, { priority: 1 });
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: 'conflict', job_status: 'cancelled' });
  });
});
