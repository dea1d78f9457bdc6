import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { comparePositions, parseEventId, type JobEvent } from '../../contract/job-events.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture, type EventStream } from './api-fixture.ts';

const catalog = scriptedCatalog({
  first: { retry_initial_interval_seconds: 0.05, retry_attempts: 4, spill_after_seconds: 1 },
  second: { retry_initial_interval_seconds: 0.05, spill_after_seconds: 1 },
  lonely: { spill_after_seconds: 1 },
});

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start({ catalog, pools: ['first', 'second'] });
  await waitUntil(() => api.deps.presence.queue('first.scripted') === 'free');
});
afterAll(() => api.stop());
beforeEach(() => {
  api.stack.connector.script = async () => 'done';
});

/** A job that goes on when the test says so: `next` one step, `run` to its end. */
function steered() {
  const waiting: (() => void)[] = [];
  let free = false;
  api.stack.connector.script = async (job, progress, { signal }) => {
    for (const percent of [10, 20, 30, 40, 50]) {
      await progress({ job_id: job.id, progress: percent, message: `at ${percent}` });
      if (!free) await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), untilAborted(signal)]);
    }
    return 'finished';
  };
  return {
    next: async () => (await waitUntil(() => waiting.shift(), undefined, 10))(),
    run: () => {
      free = true;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

function shows(percent: number) {
  return (event: JobEvent) =>
    (event.type === 'progress' && event.progress.percent === percent) ||
    (event.type === 'snapshot' && event.job.progress?.percent === percent);
}

/** What must hold of every stream, whatever happened. */
function checkRules(events: JobEvent[]): void {
  expect(events[0]?.type).toBe('snapshot');
  expect(events.filter((event) => event.type === 'snapshot')).toHaveLength(1);
  const ends = events.filter((event) => event.type === 'end');
  expect(ends.length).toBeLessThanOrEqual(1);
  if (ends.length > 0) expect(events.at(-1)?.type).toBe('end');
  let percent = 0;
  for (const [index, event] of events.entries()) {
    const before = events[index - 1];
    if (before) expect(comparePositions(parseEventId(before.id)!, parseEventId(event.id)!)).toBeLessThanOrEqual(0);
    if (event.type === 'progress') {
      expect(event.progress.percent).toBeGreaterThanOrEqual(percent);
      percent = event.progress.percent;
    }
  }
}

async function finished(stream: EventStream): Promise<JobEvent[]> {
  await stream.done;
  expect(stream.error).toBeUndefined();
  checkRules(stream.events);
  return stream.events;
}

describe('server-sent events', () => {
  test('snapshot, states, progress, end; then the stream closes', async () => {
    const { next } = steered();
    const { id } = await api.submit();
    const stream = api.events(id);
    for (const percent of [10, 20, 30, 40, 50]) {
      await stream.until(shows(percent));
      await next();
    }
    const events = await finished(stream);
    expect(events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed', result: 'finished' } });
    expect(stream.states().filter((state) => state === 'running 1').length).toBeLessThanOrEqual(1);
  });

  test('many watchers of one job see the same, from one poller', async () => {
    const { run } = steered();
    const { id } = await api.submit();
    const streams = Array.from({ length: 20 }, () => api.events(id));
    await Promise.all(streams.map((stream) => stream.until((event) => event.type === 'snapshot')));
    expect(await (await api.fetch('/metrics')).text()).toMatch(/^switchyard_watched_jobs 1$/m);
    run();
    for (const stream of streams) expect((await finished(stream)).at(-1)?.type).toBe('end');
    await waitUntil(async () => /^switchyard_watched_jobs 0$/m.test(await (await api.fetch('/metrics')).text()));
    expect(await (await api.fetch('/metrics')).text()).toMatch(/switchyard_stream_connections{kind="sse"} 0/);
  });

  test('a finished job: snapshot and end at once, by any number of late watchers', async () => {
    const { id } = await api.submit();
    await api.untilStatus(id, 'completed');
    for (let late = 0; late < 3; late++) {
      const events = await finished(api.events(id));
      expect(events.map((event) => event.type)).toEqual(['snapshot', 'end']);
    }
  });

  test('attempts that come and go between two looks are all told', async () => {
    let tries = 0;
    const gate = new Promise<void>((resolve) => {
      api.stack.connector.script = async () => {
        if (++tries === 1) await new Promise<void>((go) => setTimeout(go, 0));
        if (tries < 5) throw new ConnectorError('backend_error', `try ${tries}`);
        resolve();
        return 'fifth';
      };
    });
    const { id } = await api.submit();
    const stream = api.events(id);
    await gate;
    const events = await finished(stream);
    const snapshot = parseEventId(events[0]!.id)!;
    // From wherever the snapshot was: no state left out, none told twice.
    const all = [1, 2, 3, 4, 5].flatMap((n) => [
      { attempt: n, phase: 0, text: `queued ${n}` },
      { attempt: n, phase: 1, text: `running ${n}` },
    ]);
    const rest = all.filter(({ attempt, phase }) =>
      snapshot.attempt === attempt ? phase > snapshot.phase : attempt > snapshot.attempt,
    );
    expect([...new Set(stream.states())]).toEqual(rest.map((state) => state.text));
  });

  test('a watcher that comes back is told every state since, and nothing older', async () => {
    let tries = 0;
    let fail: (error: Error) => void = () => {};
    api.stack.connector.script = (_job, _progress, { signal }) =>
      ++tries < 3
        ? new Promise((_, reject) => {
            fail = reject;
          })
        : untilAborted(signal);
    const { id } = await api.submit();
    const first = api.events(id);
    const seen = await first.until((event) => parseEventId(event.id)?.phase === 1);
    await first.close();
    // While nobody watches: two attempts fail, the third is asked to stop.
    fail(new ConnectorError('backend_error', 'one'));
    await waitUntil(() => tries === 2);
    fail(new ConnectorError('backend_error', 'two'));
    await waitUntil(() => tries === 3);
    await api.post(`/api/jobs/${id}/cancel`);
    await api.untilStatus(id, 'cancelled');
    const back = api.events(id, seen.id);
    const events = await finished(back);
    expect(back.states()).toEqual(['queued 2', 'running 2', 'queued 3', 'running 3', 'running 3']);
    for (const event of events) {
      expect(comparePositions(parseEventId(seen.id)!, parseEventId(event.id)!)).toBeLessThanOrEqual(0);
    }
    expect(events.at(-2)).toMatchObject({ type: 'state', status_reason: 'cancel_requested' });
    expect(events.at(-1)).toMatchObject({ type: 'end', job: { status: 'cancelled' } });
  });

  test('another API process goes on where the first one stopped', async () => {
    const { next, run } = steered();
    const other = await ApiFixture.before(api.stack);
    try {
      const { id } = await api.submit();
      const first = api.events(id);
      await first.until(shows(10));
      await next();
      const seen = await first.until(shows(20));
      await first.close();
      const second = other.events(id, seen.id);
      await second.until((event) => event.type === 'snapshot');
      run();
      const events = await finished(second);
      expect(events.at(-1)).toMatchObject({ type: 'end', job: { result: 'finished' } });
      expect(second.states()).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('who has seen the end is told to stop asking', async () => {
    const { id } = await api.submit();
    const end = (await finished(api.events(id))).at(-1)!;
    const response = await api.fetch(`/api/jobs/${id}/events`, { headers: { 'last-event-id': end.id } });
    expect(response.status).toBe(204);
    const { run } = steered();
    const other = api.events((await api.submit()).id, end.id);
    await other.until((event) => event.type === 'progress');
    run();
    expect((await finished(other)).at(-1)).toMatchObject({ type: 'end' });
    const nobody = await api.fetch(`/api/jobs/nothing/events`, { headers: { 'last-event-id': end.id } });
    expect(nobody.status).toBe(404);
  });

  test('an id of another make, and one from the future, are left aside', async () => {
    const { id } = await api.submit();
    await api.untilStatus(id, 'completed');
    for (const last of ['nonsense', '0-9-9-1-9']) {
      expect((await finished(api.events(id, last))).at(-1)?.type).toBe('end');
    }
  });

  test('a job that goes to another pool: queued there, with the reason', async () => {
    const { id } = await api.submit({ pool: undefined, requirements: {} });
    await finished(api.events(id));
    const lonely = await api.submit({ pool: 'lonely' });
    const stream = api.events(lonely.id);
    await stream.until((event) => event.type === 'snapshot' || event.type === 'state');
    await waitUntil(async () => (await api.get(lonely.id)).status_reason === 'no_worker');
    await api.post(`/api/jobs/${lonely.id}/cancel`);
    const events = await finished(stream);
    expect(events.at(-1)).toMatchObject({ type: 'end', job: { status: 'cancelled' } });
    expect(stream.states()).not.toContain('running 1');
  });

  test('no such job: 404', async () => {
    const response = await api.fetch('/api/jobs/nothing/events');
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('WebSocket', () => {
  test('several jobs on one connection, each with its ref', async () => {
    const socket = await api.socket();
    const jobs = await Promise.all([api.submit(), api.submit(), api.submit()]);
    for (const [ref, { id }] of jobs.entries()) socket.send({ type: 'subscribe', job_id: id, ref });
    for (const [ref, { id }] of jobs.entries()) {
      await socket.until((m) => m.type === 'subscribed' && m['job_id'] === id && m['ref'] === ref);
      const end = await socket.until((m) => m.type === 'end' && (m['job'] as { id: string }).id === id);
      expect(end).toMatchObject({ job: { status: 'completed' } });
      const mine = socket.messages.filter((m) => (m['job_id'] ?? (m['job'] as { id?: string })?.id) === id);
      expect(mine.slice(0, 2).map((m) => m.type)).toEqual(['subscribed', 'snapshot']);
      checkRules(mine.filter((m) => m.type !== 'subscribed') as unknown as JobEvent[]);
    }
    socket.send({ type: 'ping', ref: 'p' });
    await socket.until((m) => m.type === 'pong' && m['ref'] === 'p');
    await socket.close();
  });

  test('after unsubscribing nothing more comes', async () => {
    const { run } = steered();
    const socket = await api.socket();
    const { id } = await api.submit();
    socket.send({ type: 'subscribe', job_id: id });
    await socket.until((m) => m.type === 'progress');
    socket.send({ type: 'unsubscribe', job_id: id });
    await socket.until((m) => m.type === 'unsubscribed');
    const count = socket.messages.length;
    run();
    await api.untilStatus(id, 'completed');
    expect(socket.messages).toHaveLength(count);
    // And again: the end comes at once.
    socket.send({ type: 'subscribe', job_id: id });
    await socket.until((m) => m.type === 'end');
    await socket.close();
  });

  test('subscribing anew before the first time is done with gives every event once', async () => {
    const { run } = steered();
    const socket = await api.socket();
    const { id } = await api.submit();
    for (const [ref, type] of ['subscribe', 'subscribe', 'unsubscribe', 'subscribe'].entries())
      socket.send({ type, job_id: id, ref });
    await socket.until((m) => m.type === 'progress');
    run();
    await socket.until((m) => m.type === 'end');
    socket.send({ type: 'ping' });
    await socket.until((m) => m.type === 'pong');
    const told = socket.messages.filter((m) => m['ref'] !== undefined).map((m) => `${m.type} ${String(m['ref'])}`);
    expect(told).toEqual(['error 1', 'unsubscribed 2', 'subscribed 3']);
    checkRules(socket.messages.filter((m) => 'id' in m) as unknown as JobEvent[]);
    await socket.close();
  });

  test('one connection takes 200 jobs; what is too much is refused, and the rest goes on', async () => {
    const socket = await api.socket();
    const jobs = Array.from({ length: 300 }, (_, index) => `nothing-${index}`);
    for (const [ref, id] of jobs.entries()) socket.send({ type: 'subscribe', job_id: id, ref });
    await waitUntil(() => socket.messages.length === 300);
    const codes = socket.messages.map((m) => m['code']);
    // A place is free again as soon as an unknown job is refused, so that the numbers may differ.
    expect(new Set(codes)).toEqual(new Set(['rate_limited', 'not_found']));
    expect(codes.filter((code) => code === 'not_found').length).toBeGreaterThanOrEqual(200);
    socket.send({ type: 'ping' });
    await socket.until((m) => m.type === 'pong');
    await socket.close();
  });

  test('nonsense is answered, and the connection stays', async () => {
    const socket = await api.socket();
    const cases: [unknown, Record<string, unknown>][] = [
      ['{"type":', { code: 'malformed' }],
      ['[]', { code: 'validation' }],
      [{ type: 'dance' }, { code: 'validation', errors: [{ pointer: '/type' }] }],
      [
        { type: 'subscribe', ref: 7 },
        { code: 'validation', ref: 7, errors: [{ pointer: '/job_id' }] },
      ],
      [
        { type: 'subscribe', job_id: 'x', colour: 'red' },
        { code: 'validation', errors: [{ pointer: '/colour' }] },
      ],
      ['{"type":"ping","__proto__":{"a":1}}', { code: 'validation' }],
      [
        { type: 'subscribe', job_id: 'nothing', ref: 'n' },
        { code: 'not_found', ref: 'n', job_id: 'nothing' },
      ],
    ];
    for (const [message, expected] of cases) {
      const before = socket.messages.length;
      socket.send(message);
      const answer = await waitUntil(() => socket.messages[before], undefined, 10);
      expect(answer).toMatchObject({ type: 'error', ...expected });
    }
    socket.socket.send(Buffer.from([1, 2, 3]));
    await socket.until((m) => m['code'] === 'unsupported_media');
    for (let more = 0; more < 20; more++) socket.send('x');
    await waitUntil(() => socket.closed);
    expect(socket.closed?.code).toBe(1008);
  });

  test('too large a message closes the connection', async () => {
    const socket = await api.socket();
    socket.send(JSON.stringify({ type: 'ping', ref: 'x'.repeat(70_000) }));
    await waitUntil(() => socket.closed);
    expect(socket.closed?.code).toBe(1009);
  });

  test('twice the same job on one connection is refused', async () => {
    const { run } = steered();
    const socket = await api.socket();
    const { id } = await api.submit();
    socket.send({ type: 'subscribe', job_id: id });
    socket.send({ type: 'subscribe', job_id: id, ref: 'again' });
    await socket.until((m) => m.type === 'error' && m['ref'] === 'again' && m['code'] === 'conflict');
    run();
    await socket.until((m) => m.type === 'end');
    await socket.close();
  });

  test("another site's page, and another path, are refused", async () => {
    await expect(api.socket({ origin: 'https://evil.example' })).rejects.toThrow('403');
    await expect(api.socket({ path: '/api/other' })).rejects.toThrow('404');
    await (await api.socket({ origin: api.url })).close();
  });
});
