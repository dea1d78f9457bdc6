import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JobView } from '../../contract/job-view.ts';
import { QueueBacklogs } from '../../platform/jobs/queue-backlog.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start();
});
afterAll(() => api.stop());

/** Temporal that hangs: takes connections and answers nothing. */
async function whileTemporalHangs(action: () => Promise<void>): Promise<void> {
  const { pid } = api.stack.temporal;
  process.kill(pid, 'SIGSTOP');
  try {
    await action();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

describe('while Temporal does not answer', () => {
  test('every address answers 503 with Retry-After in time, and all is well afterwards', async () => {
    const { id } = await api.submit();
    await api.untilStatus(id, 'completed');
    await whileTemporalHangs(async () => {
      const answers = await Promise.all([
        api.post('/api/jobs', { service: 'scripted' }),
        api.fetch('/api/jobs'),
        api.fetch(`/api/jobs/${id}`),
        api.fetch(`/api/jobs/${id}/events`),
        api.post(`/api/jobs/${id}/cancel`),
        api.post(`/api/jobs/${id}/retry`),
        api.fetch('/readyz'),
      ]);
      for (const answer of answers) {
        expect([answer.url, answer.status]).toEqual([answer.url, 503]);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        const body = (await answer.json()) as Record<string, unknown>;
        if (!answer.url.endsWith('/readyz'))
          expect(body).toMatchObject({ code: 'service_unavailable', retryable: true });
        else expect(body).toMatchObject({ checks: { temporal: { ok: false }, artifacts: { ok: true } } });
      }
      expect((await api.fetch('/livez')).status).toBe(200);
      expect((await api.fetch('/api/services')).status).toBe(200);
    });
    await waitUntil(async () => (await api.fetch('/readyz')).status === 200);
    expect((await api.get(id)).status).toBe('completed');
  });

  test('what many queues are asked takes no longer than what one is', async () => {
    const timeoutMs = 1_000;
    const backlogs = new QueueBacklogs(api.deps.client, timeoutMs);
    await whileTemporalHangs(async () => {
      const reads = Array.from({ length: 40 }, (_, queue) => backlogs.read(`queue-${queue}`));
      const late = new Promise<string>((resolve) => setTimeout(resolve, timeoutMs * 3, 'late').unref());
      const all = Promise.allSettled(reads).then((read) => read.map(({ status }) => status));
      expect(await Promise.race([all, late])).toEqual(reads.map(() => 'rejected'));
    });
  });

  test('a submit whose outcome is not known names the job, and its key leads to exactly one', async () => {
    const headers = { 'idempotency-key': 'unsure' };
    let jobId: unknown;
    await whileTemporalHangs(async () => {
      const answer = await api.post('/api/jobs', { service: 'scripted' }, headers);
      expect(answer.status).toBe(503);
      const problem = (await answer.json()) as Record<string, unknown>;
      expect(problem['detail']).toContain('same Idempotency-Key');
      jobId = problem['job_id'];
    });
    const again = await waitUntil(async () => {
      const answer = await api.post('/api/jobs', { service: 'scripted' }, headers);
      const body = (await answer.json()) as JobView;
      return answer.ok ? body : undefined;
    });
    expect(again.id).toBe(jobId);
    await api.untilStatus(again.id, 'completed');
    expect(api.stack.connector.begun.filter((id) => id === again.id)).toHaveLength(1);
  });

  test('watchers stay connected, and get every state and the end', async () => {
    let finish: (value: string) => void = () => {};
    api.stack.connector.script = (_job, _progress, { signal }) =>
      Promise.race([new Promise<string>((resolve) => (finish = resolve)), untilAborted(signal)]);
    const { id } = await api.submit();
    await api.untilStatus(id, 'running');
    const stream = api.events(id);
    const socket = await api.socket();
    socket.send({ type: 'subscribe', job_id: id });
    await stream.until((event) => event.type === 'snapshot');
    await socket.until((message) => message.type === 'snapshot');
    await whileTemporalHangs(async () => {
      // Long enough for a look to fail.
      expect((await api.fetch(`/api/jobs/${id}`)).status).toBe(503);
    });
    finish('after all');
    await stream.done;
    expect(stream.error).toBeUndefined();
    expect(stream.events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed', result: 'after all' } });
    await socket.until((message) => message.type === 'end');
    await socket.close();
  });
});

describe('when Temporal is gone for good', () => {
  test('refused connections are 503 too, and the API still stops', async () => {
    const other = await ApiFixture.before(api.stack);
    const { id } = await other.submit();
    const stream = other.events(id);
    await stream.until((event) => event.type === 'snapshot');
    await api.stack.temporal.kill();
    const answer = await other.post('/api/jobs', { service: 'scripted' });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'service_unavailable' });
    await other.close();
    await stream.done;
  });
});
