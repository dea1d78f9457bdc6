import { expect, test } from '@jest/globals';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { eventually } from '../harness.ts';
import { failureOf, json, serve } from '../http/local-server.ts';
import { connectorFor, run, testContext } from './harness.ts';

test('no more jobs at a time than the file says; a cancelled one leaves the queue', async () => {
  let atOnce = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const local = await serve((_, response) => {
    most = Math.max(most, ++atOnce);
    waiting.push(() => {
      atOnce -= 1;
      json(response, {});
    });
  });
  const connector = await connectorFor('sync', {
    base_url: local.url,
    request: { path: '/' },
    limits: { concurrency: 2 },
  });
  const context = testContext();
  const jobs = [1, 2].map((n) => run(connector, {}, { id: `job${n}` }));
  const given = failureOf(run(connector, {}, { id: 'job3', context }));
  const last = run(connector, {}, { id: 'job4' });
  await eventually(() => expect(waiting).toHaveLength(2));
  const reason = new Error('cancelled');
  context.abort(reason);
  expect(await given).toBe(reason);
  for (const go of waiting.splice(0)) go();
  await Promise.all(jobs);
  await eventually(() => expect(waiting).toHaveLength(1));
  for (const go of waiting) go();
  await last;
  expect(most).toBe(2);
});

test('the rate of the file holds for all requests together', async () => {
  const local = await serve((_, response) => json(response, {}));
  const rate = { requests: 2, per: '200ms', burst: 1 };
  const connector = await connectorFor('sync', { base_url: local.url, request: { path: '/' }, limits: { rate } });
  const started = performance.now();
  await Promise.all([1, 2, 3].map((n) => run(connector, {}, { id: `job${n}` })));
  expect(performance.now() - started).toBeGreaterThan(195);
});

test('a service that is down is left alone for a while', async () => {
  const local = await serve((_, response) => json(response, { error: 'down' }, 503));
  const connector = await connectorFor('sync', {
    base_url: local.url,
    request: { path: '/' },
    breaker: { failures: 2, open: '1h' },
  });
  for (const id of ['job1', 'job2']) expect((await failureOf(run(connector, {}, { id }))).message).toContain('down');
  const spared = await failureOf(run(connector, {}, { id: 'job3' }));
  expect(spared).toMatchObject({ code: 'service_unavailable' });
  expect(spared.message).toContain('it has failed 2 times in a row');
  expect(local.asked).toHaveLength(2);
  expect(await connector.checkHealth()).toBe(false);
});

test('a stream: text, progress and tokens as they come; an error among the events', async () => {
  const local = await serve((request, response) => {
    response.setHeader('content-type', 'text/event-stream');
    const ends = {
      '/ok': 'data: {"done": true}\n\n',
      '/bad': 'data: {"error": {"message": "no more"}}\n\n',
      '/cut': '',
    };
    response.end(
      `event: t\ndata: {"t": "Hel", "p": 30}\n\ndata: {"t": "lo", "p": 20}\n\n${ends[request.url as '/ok']}`,
    );
  });
  const stream = { delta: 'data.t', progress: 'data.p', done: 'data.done', error: 'data.error.message' };
  const at = (path: string) =>
    connectorFor('stream', {
      base_url: local.url,
      request: { path },
      stream: { ...stream, result: '{ "all": text }' },
    });
  const told: ProgressUpdate[] = [];
  const tokens: [string, number][] = [];
  const live = { token: (text: string, position: number) => void tokens.push([text, position]), preview: () => {} };
  const context = Object.assign(testContext(), { live });
  expect((await run(await at('/ok'), {}, { told, context })).result).toEqual({ all: 'Hello' });
  expect(told.map(({ progress }) => progress)).toEqual([0, 30, 30, 100]);
  expect(tokens).toEqual([
    ['Hel', 0],
    ['lo', 3],
  ]);
  expect(await failureOf(run(await at('/bad')))).toMatchObject({
    code: 'backend_error',
    message: 'The service failed: no more',
  });
  expect((await failureOf(run(await at('/cut')))).message).toContain('ended before the service said');
});

test('a text without end is cut off', async () => {
  const local = await serve((_, response) => {
    response.setHeader('content-type', 'text/event-stream');
    const more = setInterval(() => response.write(`data: ${JSON.stringify({ t: 'x'.repeat(50_000) })}\n\n`), 1);
    response.on('close', () => clearInterval(more));
  });
  const connector = await connectorFor('stream', {
    base_url: local.url,
    request: { path: '/' },
    stream: { delta: 'data.t' },
  });
  expect(await failureOf(run(connector))).toMatchObject({ code: 'output_too_large' });
});

test('new settings take effect at once; a job under way goes on with those it has', async () => {
  const answers: (() => void)[] = [];
  const local = await serve((_, response) => void answers.push(() => json(response, { fine: true })));
  const connector = await connectorFor('sync', { base_url: local.url, request: { path: '/' } });
  const running = run(connector, {}, { id: 'job1' });
  await eventually(() => expect(local.asked).toHaveLength(1));
  await connector.updateConfiguration({ timeout: 50 });
  expect(await failureOf(run(connector, {}, { id: 'job2' }))).toMatchObject({ code: 'timeout' });
  await connector.updateConfiguration({ timeout: undefined });
  const later = run(connector, {}, { id: 'job3' });
  await eventually(() => expect(answers).toHaveLength(3));
  for (const answer of answers) answer();
  expect((await running).result).toEqual({ fine: true });
  expect((await later).result).toEqual({ fine: true });
});
