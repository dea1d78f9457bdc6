import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { JobSummary } from '../../contract/job-view.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

interface Page {
  jobs: JobSummary[];
  next_cursor?: string;
}

let api: ApiFixture;
const ids: Record<string, string> = {};

beforeAll(async () => {
  const catalog = scriptedCatalog({ first: { retry_attempts: 0 }, lonely: { spill_after_seconds: 3_600 } });
  api = await ApiFixture.start({ catalog, pools: ['first'] });
  await waitUntil(() => api.deps.presence.queue('first.scripted') === 'free');
  const submit = async (name: string, document: object) => {
    ids[name] = (await api.submit({ pool: 'first', tags: [name], ...document })).id;
  };
  await submit('completed', {});
  await api.untilStatus(ids['completed']!, 'completed');
  api.stack.connector.script = async () => {
    throw new ConnectorError('missing_model', 'none');
  };
  await submit('failed', {});
  await api.untilStatus(ids['failed']!, 'failed');
  api.stack.connector.script = async (_job, _progress, { signal }) => untilAborted(signal);
  await submit('timed_out', { run_timeout: 1, priority: 1 });
  await api.untilStatus(ids['timed_out']!, 'timed_out');
  await submit('cancelled', {});
  await api.post(`/api/jobs/${ids['cancelled']}/cancel`);
  await api.untilStatus(ids['cancelled']!, 'cancelled');
  await submit('queued', { pool: 'lonely', priority: 5 });
  await submit('running', {});
  await api.untilStatus(ids['running']!, 'running');
  await waitUntil(async () => (await list('')).jobs.length === 6);
});
afterAll(() => api.stop());

function list(query: string): Promise<Page> {
  return api.json<Page>(`/api/jobs${query}`);
}

async function names(query: string): Promise<string[]> {
  const { jobs } = await list(query);
  return jobs.map((job) => Object.keys(ids).find((name) => ids[name] === job.id) ?? job.id).sort();
}

describe('filters', () => {
  test.each(['completed', 'failed', 'timed_out', 'cancelled', 'queued', 'running'])('status %s', async (status) => {
    await waitUntil(async () => (await names(`?status=${status}`)).join() === status);
  });
  test.each<[string, string[]]>([
    ['?status=failed&status=completed', ['completed', 'failed']],
    ['?status=failed,timed_out', ['failed', 'timed_out']],
    ['?pool=lonely', ['queued']],
    ['?pool=lonely,first&status=queued,running', ['queued', 'running']],
    ['?service=scripted&tag=failed', ['failed']],
    ['?tag=failed,running', ['failed', 'running']],
    ['?priority=1', ['timed_out']],
    ['?priority=1,5', ['queued', 'timed_out']],
    ['?error_code=missing_model', ['failed']],
    ['?error_code=timeout', ['timed_out']],
    ['?created_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00Z', []],
    ['?ended_before=2020-01-01T00:00:00Z', []],
    ['?status=queued,running&ended_after=2020-01-01T00:00:00Z', []],
    ['?status=queued&created_before=9999-12-31T23:59:59-23:59', ['queued']],
    ['?status=queued&created_after=0000-01-01T00:00:00%2B23:59', ['queued']],
    ['?service=other', []],
  ])('%s', async (query, expected) => {
    await waitUntil(async () => (await names(query)).join() === expected.join());
  });

  test('rows tell progress, reason and code', async () => {
    const { jobs } = await list('');
    const row = (name: string) => jobs.find((job) => job.id === ids[name]);
    expect(row('queued')).toMatchObject({ status_reason: 'no_worker', pool: 'lonely', priority: 5 });
    expect(row('failed')).toMatchObject({ error_code: 'missing_model', service: 'scripted' });
    expect(row('timed_out')).toMatchObject({ error_code: 'timeout' });
    expect(row('failed')?.ended_at).toBeDefined();
  });

  test.each<[string, string]>([
    ['?colour=red', '/colour'],
    ['?status=unknown', '/status/0'],
    ['?limit=0', '/limit'],
    ['?limit=201', '/limit'],
    ['?limit=x', '/limit'],
    ['?created_after=yesterday', '/created_after'],
    ['?cursor=nonsense', '/cursor'],
    ["?tag=a'%20OR%201=1", '/tag/0'],
    ['?__proto__=1', '/__proto__'],
    ['?priority=9', '/priority/0'],
  ])('%s is refused, naming it', async (query, pointer) => {
    const response = await api.fetch(`/api/jobs${query}`);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'validation', errors: [{ pointer }] });
  });
});

describe('pages', () => {
  test('every job once, in the order of the whole list', async () => {
    const all = (await list('')).jobs.map((job) => job.id);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(`?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      expect(page.jobs.length).toBeLessThanOrEqual(2);
      found.push(...page.jobs.map((job) => job.id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(found).toEqual(all);
  });

  test('pages of a status that only a live look tells', async () => {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(`?status=queued&limit=1${cursor ? `&cursor=${cursor}` : ''}`);
      found.push(...page.jobs.map((job) => job.id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(found).toEqual([ids['queued']]);
  });

  test('a cursor belongs to its filters', async () => {
    const { next_cursor: cursor } = await list('?limit=1');
    const response = await api.fetch(`/api/jobs?limit=1&status=failed&cursor=${cursor}`);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      errors: [{ pointer: '/cursor', detail: 'was made with other filters' }],
    });
  });
});
