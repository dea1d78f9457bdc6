import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PortTakenError } from '../../api/create-api-server.ts';
import { ApiFixture } from './api-fixture.ts';

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start();
});
afterAll(() => api.stop());

/** Raw bytes to the API; everything it sends back until it closes or the answer is complete. */
async function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

const HOST = 'Host: localhost\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

function submit(body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) {
  return api.fetch('/api/jobs', { method: 'POST', body, headers });
}

describe('bodies that cannot be read', () => {
  test.each<[string, string, Record<string, string>, number, string, RegExp]>([
    ['broken JSON', '{"service": }', { 'content-type': 'application/json' }, 400, 'malformed', /line 1, column 13/],
    ['an empty body', '', { 'content-type': 'application/json' }, 400, 'malformed', /empty/],
    ['no content type', '{}', { 'content-type': '' }, 415, 'unsupported_media', /application\/json/],
    ['text', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported_media', /text\/plain/],
    [
      'gzip',
      '{}',
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      415,
      'unsupported_media',
      /gzip/,
    ],
    ['a list', '[]', { 'content-type': 'application/json' }, 422, 'validation', /JSON object/],
    ['null', 'null', { 'content-type': 'application/json' }, 422, 'validation', /JSON object/],
    [
      '__proto__',
      '{"service":"scripted","__proto__":{"a":1}}',
      { 'content-type': 'application/json' },
      422,
      'validation',
      /__proto__/,
    ],
    [
      'depth',
      `{"service":"scripted","payload":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
      { 'content-type': 'application/json' },
      422,
      'validation',
      /nested/,
    ],
    [
      'size',
      JSON.stringify({ service: 'scripted', payload: { text: 'x'.repeat(300_000) } }),
      { 'content-type': 'application/json' },
      413,
      'payload_too_large',
      /262144/,
    ],
    [
      'a body far too large',
      ' '.repeat(5_000_000),
      { 'content-type': 'application/json' },
      413,
      'payload_too_large',
      /over the limit/,
    ],
  ])('%s', async (_name, body, headers, status, code, detail) => {
    const response = await submit(body, headers);
    expect(response.status).toBe(status);
    const problem = (await response.json()) as { code: string; detail: string; instance: string };
    expect(problem.code).toBe(code);
    expect(problem.detail).toMatch(detail);
    expect(problem.instance).toBe(`urn:switchyard:request:${response.headers.get('x-request-id')}`);
  });

  test('deep bodies under a key are refused for their depth', async () => {
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const response = await submit(deep, { 'content-type': 'application/json', 'idempotency-key': 'deep' });
    expect(response.status).toBe(422);
    await response.text();
  });
});

describe('requests that make no sense', () => {
  test.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['GET', '/api/nothing', 404, 'not_found'],
    ['GET', '/api/jobs/', 404, 'not_found'],
    ['DELETE', '/api/jobs', 405, 'method_not_allowed'],
    ['PUT', '/api/jobs/x', 405, 'method_not_allowed'],
    ['POST', '/api/openapi.json', 405, 'method_not_allowed'],
    ['POST', '/api/docs', 405, 'method_not_allowed'],
    ['POST', '/livez', 405, 'method_not_allowed'],
    ['DELETE', '/metrics', 405, 'method_not_allowed'],
    ['GET', '/api/ws', 426, 'malformed'],
    ['GET', '/api/jobs/%ZZ', 400, 'malformed'],
    ['GET', '/api/services/none', 404, 'not_found'],
    ['GET', '/api/jobs/x?wait=99', 422, 'validation'],
    ['GET', '/api/jobs/x?colour=red', 422, 'validation'],
    ['GET', '/api/pools?colour=red', 422, 'validation'],
    ['POST', '/api/jobs?wait=10', 422, 'validation'],
    ['POST', '/api/inputs?nam=x.png', 422, 'validation'],
  ])('%s %s: %i', async (method, path, status, code) => {
    const response = await api.fetch(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ code, status });
  });

  test('a wrong method is told the right ones', async () => {
    const response = await api.fetch('/api/jobs', { method: 'DELETE' });
    expect(response.headers.get('allow')).toBe('POST, GET, HEAD');
    await response.text();
  });

  test.each<[string, string, number, string, RegExp]>([
    ['no HTTP', 'nonsense\r\n\r\n', 400, 'malformed', /no HTTP\/1\.1 request/],
    [
      'too long a header',
      `GET / HTTP/1.1\r\n${HOST}X: ${'y'.repeat(400_000)}\r\n\r\n`,
      431,
      'payload_too_large',
      /32 KiB/,
    ],
    ['no host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed', /Host/],
    [
      'a bad length',
      `POST /api/jobs HTTP/1.1\r\n${HOST}Content-Length: -5\r\n\r\n`,
      400,
      'malformed',
      /Content-Length/,
    ],
    [
      'a bad chunk',
      `POST /api/jobs HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n`,
      400,
      'malformed',
      /chunk/i,
    ],
    [
      'an expectation',
      `POST /api/jobs HTTP/1.1\r\n${HOST}Expect: tea\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      417,
      'malformed',
      /tea/,
    ],
    ['a proxy', `CONNECT elsewhere:80 HTTP/1.1\r\n${HOST}\r\n`, 405, 'method_not_allowed', /no proxy/],
    ['half a handshake', `GET /api/ws HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`, 400, 'malformed', /Sec-WebSocket-Key/],
    ['an address that is none', `GET //[ HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`, 404, 'not_found', /\/api\/ws/],
  ])('%s is refused with a problem document', async (_name, request, status, code, detail) => {
    const answer = await raw(request);
    const [head, body] = answer.split('\r\n\r\n') as [string, string];
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('application/problem+json');
    const problem = JSON.parse(body) as { code: string; status: number; detail: string; instance: string };
    expect(problem).toMatchObject({ code, status, detail: expect.stringMatching(detail) });
    expect(head).toContain(problem.instance.replace('urn:switchyard:request:', ''));
    expect((await api.fetch('/livez')).status).toBe(200);
  });

  test('bytes that make no sense are not answered into an answer under way', async () => {
    const job = await api.submit({ requirements: { gpu_count: 8 } });
    const answer = await raw(`GET /api/jobs/${job.id}/events HTTP/1.1\r\n${HOST}\r\nnonsense\r\n\r\n`);
    expect(answer).not.toContain('problem+json');
    await (await api.post(`/api/jobs/${job.id}/cancel`)).text();
  });

  test('an upgrade to something unknown is left aside, and the request answered', async () => {
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';
    const body = '{"service":"scripted"}';
    const answer = await raw(
      `POST /api/jobs HTTP/1.1\r\n${HOST}${offer}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
        `GET /livez HTTP/1.1\r\n${HOST}${offer}\r\n` +
        `GET /metrics HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  test('a name that was made to point here is not served', async () => {
    const answer = await raw('GET /api/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 403/);
    expect(answer).toContain('SWITCHYARD_PUBLIC_URL');
  });

  test("another site's page can neither submit nor upload nor cancel", async () => {
    for (const path of ['/api/jobs', '/api/inputs', '/api/jobs/x/cancel']) {
      const response = await api.fetch(path, {
        method: 'POST',
        body: '{}',
        headers: { origin: 'https://evil.example' },
      });
      expect(response.status).toBe(403);
      await response.text();
    }
    const own = await submit('{}', { 'content-type': 'application/json', origin: api.url });
    expect(own.status).toBe(422);
    expect(own.headers.get('access-control-allow-origin')).toBeNull();
    await own.text();
  });

  test('a client that sends half a head, or half a body, holds up nobody', async () => {
    const { hostname, port } = new URL(api.url);
    const slow = Array.from({ length: 50 }, (_, index) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined).resume();
      socket.write(
        index % 2
          ? 'POST /api/jobs HTTP/1.1\r\nHost: loc'
          : 'POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      );
      return socket;
    });
    expect((await api.post('/api/jobs', { service: 'scripted' })).status).toBe(201);
    // Those with half a head are cut off.
    await Promise.all(slow.filter((_, index) => index % 2).map((socket) => once(socket, 'close')));
    for (const socket of slow) socket.destroy();
  });
});

describe('every answer', () => {
  test.each(['/', '/livez', '/api/jobs', '/api/docs', '/api/nothing', '/metrics'])('%s is confined', async (path) => {
    const response = await api.fetch(path);
    await response.arrayBuffer();
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('x-request-id')).toBeTruthy();
  });

  test("carries the caller's request id when it has one", async () => {
    const response = await api.fetch('/livez', { headers: { 'x-request-id': 'mine-1' } });
    expect(response.headers.get('x-request-id')).toBe('mine-1');
    await response.text();
  });
});

describe('operation', () => {
  test('alive and ready', async () => {
    expect(await api.json('/livez')).toEqual({ status: 'ok' });
    const ready = await api.fetch('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ status: 'ok', checks: { temporal: { ok: true }, artifacts: { ok: true } } });
  });

  test('metrics by address template, never by id', async () => {
    const { id } = await api.submit();
    await api.get(id);
    const metrics = await api.fetch('/metrics');
    const text = await metrics.text();
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(
      /switchyard_http_request_duration_seconds_count{method="GET",route="\/api\/jobs\/:id",status="200"} \d+/,
    );
    expect(text).toMatch(/switchyard_jobs_submitted_total{service="scripted",pool="first"} [1-9]/);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toContain(id);
  });

  test('services, pools and workers', async () => {
    const { services } = await api.json<{ services: Record<string, unknown>[] }>('/api/services');
    expect(services).toMatchObject([
      {
        name: 'scripted',
        pools: ['first', 'second'],
        payload_schema: { type: 'object', additionalProperties: false, properties: { number: { maximum: 10 } } },
      },
    ]);
    const { served_by: _, health_reason: __, ...lasting } = services[0]!;
    expect(await api.json('/api/services/scripted')).toMatchObject(lasting);
    const { pools } = await api.json<{ pools: Record<string, unknown>[] }>('/api/pools');
    expect(pools).toMatchObject([
      { name: 'first', workers: 1, services: ['scripted'], queues: [{ backlog: { queued: 0 } }] },
      { name: 'second', workers: 0, slots_free: 0 },
    ]);
    const { workers } = await api.json<{ workers: { task_queue: string }[] }>('/api/workers');
    expect(workers.map((worker) => worker.task_queue).sort()).toEqual(['first.scripted', 'jobs']);
  });

  test('a port that is taken is named', async () => {
    const port = Number(new URL(api.url).port);
    const config = { port };
    const { createApiServer } = await import('../../api/create-api-server.ts');
    const second = createApiServer({ ...api.deps, config: { ...api.deps.config, ...config } });
    const refusal = second.listen('127.0.0.1', port);
    await expect(refusal).rejects.toThrow(PortTakenError);
    await expect(refusal).rejects.toMatchObject({ port });
    await second.close();
  });
});
