import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { readQueueLimit, writeQueueLimit } from '../../platform/pools/queue-config.ts';
import { ApiFixture } from '../api/api-fixture.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { elapsed, waitUntil } from '../harness/wait-until.ts';

interface Pool {
  name: string;
  max_concurrent_jobs: number;
  timeout_seconds: number;
  retry_attempts: number;
  slots_used: number;
  slots_free: number;
  control: {
    state: string;
    since?: string;
    note?: string;
    changed: Record<string, number>;
    configured: Record<string, number>;
  };
}

let api: ApiFixture;
/** Ends of the jobs that run now, by job id. */
const running = new Map<string, () => void>();

beforeAll(async () => {
  const catalog = scriptedCatalog({ first: { max_concurrent_jobs: 2, spill_after_seconds: 600 }, second: {} });
  api = await ApiFixture.start({ catalog, pools: ['first', 'second'] }, { workerHeartbeat: 1_000 });
  api.stack.connector.script = (job) =>
    new Promise((resolve) => {
      running.set(job.id, () => {
        running.delete(job.id);
        resolve({ done: true });
      });
    });
});
afterAll(async () => {
  for (const end of running.values()) end();
  await api.stop();
});

async function ask(path: string, body?: unknown, method = 'POST'): Promise<Pool> {
  const response = await send(path, body, method);
  const answer = (await response.json()) as Pool;
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}

function send(path: string, body?: unknown, method = 'POST'): Promise<Response> {
  return api.fetch(`/api/pools/${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

function pool(name: string, from = api): Promise<Pool> {
  return from.json<Pool>(`/api/pools/${name}`);
}

async function finish(id: string): Promise<JobView> {
  const end = await waitUntil(() => running.get(id));
  end();
  return api.untilStatus(id, 'completed');
}

function untilPaused(id: string, from = api): Promise<JobView> {
  return waitUntil(async () => {
    const job = await from.get(id);
    return job.status_reason === 'paused' ? job : undefined;
  });
}

describe('pause and resume', () => {
  test('its jobs wait and say why, what runs goes on, and after the resume they run', async () => {
    const before = await api.submit({ pool: 'first' });
    await waitUntil(() => running.has(before.id));
    const paused = await ask('first/pause', { note: 'driver update' });
    expect(paused.control).toMatchObject({ state: 'paused', note: 'driver update', since: expect.any(String) });
    const waiting = await Promise.all([api.submit({ pool: 'first' }), api.submit({ pool: 'first' })]);
    for (const { id } of waiting) {
      const job = await untilPaused(id);
      expect(job.status).toBe('queued');
      expect(job.status_message).toBe(
        'Pool first is paused and starts nothing; `switchyard pools resume first` lets it go on',
      );
    }
    await finish(before.id);
    // Another pool's job went all its way meanwhile: time enough to start one that is not held.
    await finish((await api.submit({ pool: 'second' })).id);
    expect([...running.keys()]).toEqual([]);
    expect((await ask('first/resume')).control).toMatchObject({ state: 'active' });
    for (const { id } of waiting) await finish(id);
    expect((await pool('first')).control.note).toBeUndefined();
  });

  test('a job through a pool that was paused once still has the events of a plain one', async () => {
    const { id, temporal } = await api.submit({ pool: 'first' });
    await finish(id);
    const { historyLength } = await api.stack.client.workflow.getHandle(temporal.workflow_id).describe();
    expect(historyLength).toBe(11);
  });

  test('asking twice is as good as once', async () => {
    const once = await ask('second/pause', { note: 'a' });
    const twice = await ask('second/pause');
    expect(twice.control).toEqual(once.control);
    await ask('second/resume');
    await ask('second/resume');
  });

  test('a limit that somebody gave the queue in Temporal stands again afterwards', async () => {
    const { client } = api.stack;
    await writeQueueLimit(client, 'second.scripted', { perSecond: 25, reason: 'mine' }, 5_000);
    await ask('second/pause');
    await ask('second/drain');
    expect(await readQueueLimit(client, 'second.scripted', 5_000)).toMatchObject({ perSecond: 0 });
    await ask('second/resume');
    expect(await readQueueLimit(client, 'second.scripted', 5_000)).toMatchObject({ perSecond: 25 });
    await writeQueueLimit(client, 'second.scripted', undefined, 5_000);
  });
});

describe('drain', () => {
  test('what runs ends, what can goes elsewhere, and then it is drained', async () => {
    const before = await api.submit({ pool: 'first' });
    await waitUntil(() => running.has(before.id));
    await waitUntil(async () => (await pool('first')).slots_used === 1);
    expect((await ask('first/drain')).control.state).toBe('draining');
    const free = await api.submit();
    expect(free.pool).toBe('second');
    await finish(free.id);
    const bound = await api.submit({ pool: 'first' });
    expect((await untilPaused(bound.id)).status_message).toContain('is being drained');
    expect((await pool('first')).control.state).toBe('draining');
    await finish(before.id);
    await waitUntil(async () => (await pool('first')).control.state === 'drained');
    expect(running.size).toBe(0);
    await ask('first/resume');
    await finish(bound.id);
  });
});

describe('limits', () => {
  test('more and fewer jobs at a time, while they run', async () => {
    await ask('first', { max_concurrent_jobs: 3 }, 'PATCH');
    const jobs = await Promise.all([1, 2, 3, 4].map(() => api.submit({ pool: 'first' })));
    await waitUntil(() => running.size === 3);
    await waitUntil(async () => {
      const { slots_used: used, slots_free: free } = await pool('first');
      return used === 3 && free === 0;
    });
    const last = await waitUntil(async () => {
      const views = await Promise.all(jobs.map(({ id }) => api.get(id)));
      return views.find(({ status_reason: reason }) => reason === 'concurrency_limit');
    });
    await ask('first', { max_concurrent_jobs: 1 }, 'PATCH');
    expect(running.size).toBe(3);
    // A full worker does not show that it has heard: it looks every two seconds.
    await waitUntil(elapsed(6_000));
    const [one, two, three] = [...running.keys()];
    await finish(one!);
    await finish(two!);
    expect(running.size).toBe(1);
    expect((await api.get(last.id)).status).toBe('queued');
    await finish(three!);
    await finish(last.id);
    const back = await ask('first', { max_concurrent_jobs: null }, 'PATCH');
    expect(back).toMatchObject({ max_concurrent_jobs: 2, control: { changed: {}, configured: {} } });
  });

  test('time-outs and retries count for jobs taken from then on', async () => {
    const changed = await ask('first', { timeout_seconds: 77, retry_attempts: 0, note: 'a bad night' }, 'PATCH');
    expect(changed).toMatchObject({
      ...{ timeout_seconds: 77, retry_attempts: 0 },
      control: {
        state: 'active',
        note: 'a bad night',
        changed: { timeout_seconds: 77, retry_attempts: 0 },
        configured: { timeout_seconds: 120, retry_attempts: 3 },
      },
    });
    const { id, temporal, max_attempts: most } = await api.submit({ pool: 'first' });
    expect(most).toBe(1);
    const { raw } = await waitUntil(async () => {
      const now = await api.stack.client.workflow.getHandle(temporal.workflow_id).describe();
      return (now.raw.pendingActivities ?? []).length > 0 && now;
    });
    // The pool's time-out and the time to stop the backend.
    expect(Number(raw.pendingActivities![0]!.activityOptions?.startToCloseTimeout?.seconds)).toBe(107);
    await finish(id);
    await ask('first', { timeout_seconds: null, retry_attempts: null }, 'PATCH');
  });
});

test('another API process sees it, and one that starts later', async () => {
  await ask('first/pause');
  await ask('first', { spill_after_seconds: 5 }, 'PATCH');
  const other = await ApiFixture.before(api.stack);
  try {
    expect((await pool('first', other)).control).toMatchObject({
      state: 'paused',
      changed: { spill_after_seconds: 5 },
    });
    const { id } = await api.submit({ pool: 'first' });
    await untilPaused(id, other);
    await other.post('/api/pools/first/resume');
    await waitUntil(async () => (await pool('first')).control.state === 'active');
    await finish(id);
    await ask('first', { spill_after_seconds: null }, 'PATCH');
  } finally {
    await other.close();
  }
});

describe('bad input', () => {
  test.each([
    ['POST', 'frist/pause', undefined, 404, /no pool "frist"; did you mean first\?/],
    ['PATCH', 'nowhere', { retry_attempts: 1 }, 404, /there are: first, second/],
    ['POST', 'first/stop', undefined, 404, /nothing at POST/],
    ['PATCH', 'first', { max_concurrent_jobs: 0 }, 422, /max_concurrent_jobs must be a whole number from 1 to 1000/],
    ['PATCH', 'first', { max_concurrent_jobs: 'many' }, 422, /max_concurrent_jobs must be a whole number/],
    ['PATCH', 'first', { max_jobs: 3 }, 422, /max_jobs/],
    ['PATCH', 'first', {}, 422, /must change something/],
    ['PATCH', 'first', { timeout_seconds: 90_000 }, 422, /timeout_seconds 90000 is over max_timeout_seconds 86400/],
    ['PATCH', 'first', { max_retry_attempts: 1 }, 422, /retry_attempts 3 is over max_retry_attempts 1/],
    ['POST', 'first/pause', { note: 'x'.repeat(161) }, 422, /note must be at most 160 characters/],
    ['POST', 'first/pause', { note: 'a\nb' }, 422, /note must hold no control characters/],
    ['POST', 'first/pause', { why: 'x' }, 422, /why/],
  ])('%s %s %j', async (method, path, body, status, detail) => {
    const response = await send(path, body, method);
    const problem = (await response.json()) as { detail: string };
    expect(problem.detail).toMatch(detail);
    expect(response.status).toBe(status);
    expect((await pool('first')).control).toMatchObject({ state: 'active', changed: {} });
  });

  test('the longest note with all limits is kept whole', async () => {
    const note = '"'.repeat(80) + '語'.repeat(80);
    const limits = {
      max_concurrent_jobs: 1_000,
      timeout_seconds: 12_345.678_901_234_5,
      max_timeout_seconds: 1_234_567.891_011_12,
      retry_attempts: 10,
      max_retry_attempts: 99,
      retry_initial_interval_seconds: 1.234_567_890_123_4,
      retry_backoff_coefficient: 1.234_567_890_123_4,
      retry_max_interval_seconds: 1_234_567.890_123_4,
      spill_after_seconds: 1_234_567.890_123_4,
    };
    await ask('second', { ...limits, note }, 'PATCH');
    const other = await ApiFixture.before(api.stack);
    expect((await pool('second', other)).control).toMatchObject({ note, changed: limits });
    await other.close();
    await ask('second', Object.fromEntries(Object.keys(limits).map((name) => [name, null])), 'PATCH');
  });
});
