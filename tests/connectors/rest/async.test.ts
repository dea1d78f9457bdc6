import { describe, expect, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import type { RestAsyncConnector } from '../../../connectors/rest/connector.ts';
import { eventually } from '../harness.ts';
import { failureOf, json, serve } from '../http/local-server.ts';
import { connectorFor, contentOf, run, testContext } from './harness.ts';

const mapping = {
  job_id: 'id',
  status: { path: '/jobs/{{ id }}' },
  state: 'state',
  states: { waiting: 'pending', busy: 'running', ok: 'completed', bad: 'failed', off: 'cancelled' },
  progress: 'percent',
  message: 'note',
  error: 'reason',
  cancel: { method: 'POST', path: '/jobs/{{ id }}/cancel' },
  poll: { interval: '10ms', growth: 1 },
};

type Answer = (request: IncomingMessage, response: ServerResponse, submissions: number) => void;

/** A service that answers submissions with `{id: "j<n>"}` and questions as the test says. */
async function service(status: Answer, more: Record<string, Answer> = {}) {
  const keys: unknown[] = [];
  const local = await serve((request, response) => {
    const other = more[`${request.method} ${request.url}`];
    if (other) return other(request, response, keys.length);
    if (request.url !== '/jobs') return status(request, response, keys.length);
    keys.push(request.headers['idempotency-key']);
    json(response, { id: `j${keys.length}` });
  });
  const connect = (change: object = {}) =>
    connectorFor('async', { base_url: local.url, request: { path: '/jobs', body: {} }, async: mapping, ...change });
  return { local, keys, connect };
}

describe('the way of a job', () => {
  test('submitted, tracked before the first question, watched, collected', async () => {
    const states = [{ state: 'waiting' }, { state: 'busy', percent: 40, note: 'half' }, { state: 'ok', out: 5 }];
    const context = testContext();
    const trackedAtFirstQuestion: unknown[] = [];
    const { local, connect } = await service((_, response) => {
      trackedAtFirstQuestion.push(...context.tracked);
      json(response, states.shift());
    });
    const told: ProgressUpdate[] = [];
    const answer = await run(await connect(), {}, { context, told });
    expect(answer).toMatchObject({ result: { state: 'ok', out: 5 }, service_info: { service_job_id: 'j1' } });
    expect(local.asked).toEqual(['POST /jobs', 'GET /jobs/j1', 'GET /jobs/j1', 'GET /jobs/j1']);
    expect(trackedAtFirstQuestion[0]).toEqual({ serviceJobId: 'j1', instance: local.url });
    expect(told.map(({ progress, message }) => [progress, message])).toEqual([
      [0, undefined],
      [0, 'pending'],
      [40, 'half'],
      [95, 'collecting the result'],
      [100, undefined],
    ]);
  });

  test('the result may lie elsewhere, at an address out of the answer, and be a file', async () => {
    const { local, connect } = await service((_, response) => json(response, { state: 'ok' }), {
      'GET /out/1': (_, response) => void response.end('sound'),
    });
    const context = testContext();
    const { artifacts = [] } = await run(
      await connect({
        request: { path: '/jobs', body: {} },
        async: { ...mapping, keep: '{ "url": "/out/1" }', result: { path: '{{ kept.url }}' } },
        response: { as: 'binary', artifacts: [{ from: 'body', name: 'a.txt' }] },
      }),
      {},
      { context },
    );
    expect((await contentOf(context, artifacts[0]!.uri)).toString()).toBe('sound');
    expect(context.checkpoints).toEqual([{ kept: { url: '/out/1' } }]);
    expect(local.asked.at(-1)).toBe('GET /out/1');
  });

  test('a submission that is answered with the end needs no question', async () => {
    const { local, connect } = await service(() => {}, {
      'POST /jobs': (_, response) => json(response, { id: 'j1', state: 'ok', out: 1 }),
    });
    expect(await run(await connect())).toMatchObject({ result: { out: 1 } });
    expect(local.asked).toEqual(['POST /jobs']);
  });
});

describe('bad ends', () => {
  test('a failed job: in its own words, by the rules of the file', async () => {
    const { connect } = await service((_, response) => json(response, { state: 'bad', reason: 'no memory' }));
    expect(await failureOf(run(await connect()))).toMatchObject({
      code: 'backend_error',
      message: 'The service failed: no memory',
    });
    const errors = [{ when: '$contains(body.reason, "memory")', code: 'out_of_memory', message: 'body.reason' }];
    expect(await failureOf(run(await connect({ errors })))).toMatchObject({ code: 'out_of_memory' });
  });

  test('a state the file does not know, and an answer without one', async () => {
    const { connect } = await service((_, response) => json(response, { state: 'confused' }));
    const unknown = await failureOf(run(await connect()));
    expect(unknown).toMatchObject({ code: 'backend_error' });
    expect(unknown.message).toContain('the state "confused", which async.states does not name');
    const { connect: other } = await service((_, response) => json(response, {}));
    expect((await failureOf(run(await other()))).message).toContain('no state');
  });

  test('a submission answered without an id is never repeated', async () => {
    const { keys, connect } = await service(() => {}, {});
    const connector = await connect({ async: { ...mapping, job_id: 'number' } });
    expect(await failureOf(run(connector))).toMatchObject({ code: 'backend_error', retryable: false });
    expect(keys).toHaveLength(1);
  });

  test('a job the service forgets is given a few questions', async () => {
    let questions = 0;
    const { connect } = await service((_, response) =>
      ++questions < 3 ? json(response, {}, 404) : json(response, { state: 'ok' }),
    );
    await run(await connect());
    const { connect: never } = await service((_, response) => json(response, {}, 404));
    const error = await failureOf(run(await never()));
    expect(error.message).toBe('The service no longer knows its job j1');
  });

  test('the deadline of the file', async () => {
    const { connect } = await service((_, response) => json(response, { state: 'busy' }));
    const poll = { interval: '300ms', deadline: '1s' };
    expect(await failureOf(run(await connect({ async: { ...mapping, poll } })))).toMatchObject({ code: 'timeout' });
  });

  test('in doubt, a submission is not repeated unless the file says so', async () => {
    const reset: Record<string, Answer> = { 'POST /jobs': (_, response) => void response.socket?.resetAndDestroy() };
    const { local, connect } = await service(() => {}, reset);
    const careful = await failureOf(run(await connect()));
    expect(careful).toMatchObject({ code: 'service_unavailable', retryable: false });
    expect(careful.message).toContain('may have taken the job');
    expect(local.asked).toHaveLength(1);
    const daring = await failureOf(run(await connect({ request: { path: '/jobs', body: {}, in_doubt: 'retry' } })));
    expect(daring).toMatchObject({ code: 'service_unavailable', retryable: undefined });
    const keyed = { path: '/jobs', body: {}, idempotency: { header: 'Idempotency-Key' } };
    await failureOf(run(await connect({ request: keyed, limits: { retries: 1 } })));
    expect(local.asked).toHaveLength(4);
    expect(new Set(local.requests.slice(2).map((request) => request.headers['idempotency-key'])).size).toBe(1);
  });
});

describe('the next attempt', () => {
  const keyed = { request: { path: '/jobs', body: {}, idempotency: { header: 'Idempotency-Key' } } };

  test('watches what runs and collects what is finished, by what was kept', async () => {
    const { local, connect } = await service((_, response) => json(response, { state: 'ok', out: 2 }));
    const context = testContext({ serviceJobId: 'j9', checkpoint: { kept: { region: 'eu' } }, attempt: 2 });
    const change = { async: { ...mapping, keep: 'x', status: { path: '/{{ kept.region }}/{{ id }}' } } };
    expect(await run(await connect(change), {}, { context })).toMatchObject({ result: { out: 2 } });
    expect(local.asked).toEqual(['GET /eu/j9']);
  });

  test.each(['bad', 'off', 'gone'])('submits again what is %s, with another key', async (state) => {
    const { keys, connect } = await service((request, response) => {
      if (request.url === '/jobs/old') json(response, { state }, state === 'gone' ? 404 : 200);
      else json(response, { state: 'ok' });
    });
    const connector = await connect(keyed);
    await run(connector, {}, { context: testContext({ serviceJobId: 'old', attempt: 2 }) });
    await run(connector, {}, { context: testContext({ attempt: 1 }) });
    await run(connector, {}, { context: testContext({ attempt: 1 }) });
    expect(keys).toHaveLength(3);
    expect(keys[0]).not.toBe(keys[1]);
    expect(keys[1]).toBe(keys[2]);
    expect(keys[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test('does not submit while nobody can say how the earlier one is', async () => {
    const { keys, connect } = await service((_, response) => json(response, {}, 403));
    const error = await failureOf(run(await connect(), {}, { context: testContext({ serviceJobId: 'old' }) }));
    expect(error).toMatchObject({ code: 'permission' });
    expect(keys).toEqual([]);
  });

  test('queryJobStatus in the words of the contract', async () => {
    const { connect } = await service((request, response) => {
      if (request.url === '/jobs/lost') return json(response, {}, 404);
      json(response, { state: 'busy', percent: 30 });
    });
    const connector = (await connect()) as RestAsyncConnector;
    expect(await connector.queryJobStatus('j1')).toEqual({
      serviceJobId: 'j1',
      status: 'running',
      canReconnect: true,
      canCancel: true,
      progress: 30,
      errorMessage: undefined,
    });
    expect(await connector.queryJobStatus('it:j1')).toMatchObject({ serviceJobId: 'it:j1', status: 'running' });
    expect(await connector.queryJobStatus('lost')).toMatchObject({ status: 'unknown', canReconnect: false });
  });
});

describe('cancel', () => {
  test('is repeated until the service has stopped', async () => {
    let cancels = 0;
    let asking: () => void = () => {};
    const firstQuestion = new Promise<void>((resolve) => (asking = resolve));
    const { connect } = await service(
      (_, response) => {
        asking();
        json(response, { state: cancels < 3 ? 'busy' : 'off' });
      },
      { 'POST /jobs/j1/cancel': (_, response) => (++cancels === 1 ? json(response, {}, 500) : json(response, {})) },
    );
    const context = testContext();
    const running = failureOf(run(await connect(), {}, { context }));
    await firstQuestion;
    const reason = new ConnectorError('cancelled', 'by the user');
    context.abort(reason);
    expect(await running).toBe(reason);
    expect(cancels).toBe(3);
  });

  test('leaves the job alone when another attempt goes on with it', async () => {
    let asking: () => void = () => {};
    const firstQuestion = new Promise<void>((resolve) => (asking = resolve));
    const { local, connect } = await service((_, response) => {
      asking();
      json(response, { state: 'busy' });
    });
    const context = testContext();
    const connector = await connect();
    const running = failureOf(run(connector, {}, { context }));
    await firstQuestion;
    await connector.cleanup();
    expect(await running).toMatchObject({ code: 'service_unavailable' });
    expect(local.asked.filter((line) => line.includes('cancel'))).toEqual([]);
  });

  test('while the submission is under way, waits for the id and cancels that', async () => {
    let answer: () => void = () => {};
    const submitted = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let cancelled = false;
    const { local, connect } = await service((_, response) => json(response, { state: cancelled ? 'off' : 'busy' }), {
      'POST /jobs': (_, response) => void submitted.then(() => json(response, { id: 'late' })),
      'POST /jobs/late/cancel': (_, response) => {
        cancelled = true;
        json(response, {});
      },
    });
    const context = testContext();
    const running = failureOf(run(await connect(), {}, { context }));
    await eventually(() => expect(local.asked).toEqual(['POST /jobs']));
    context.abort(new ConnectorError('cancelled', 'by the user'));
    answer();
    expect(await running).toMatchObject({ code: 'cancelled' });
    expect(cancelled).toBe(true);
  });
});
