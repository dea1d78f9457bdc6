import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../../connectors/http/http-client.ts';
import { HttpError } from '../../../connectors/http/http-error.ts';
import { elapsed, waitUntil } from '../../harness/wait-until.ts';
import { bodyOf, failureOf, json, serve } from './local-server.ts';

const clients: HttpClient[] = [];

function clientFor(base_url: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  const client = createHttpClient({ base_url, retries: 0, ...options });
  clients.push(client);
  return client;
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

describe('requests', () => {
  test('JSON goes out and comes back; path, prefix, query and headers are put together', async () => {
    const local = await serve(async (request, response) => {
      json(response, { sent: JSON.parse(await bodyOf(request)), type: request.headers['content-type'] });
    });
    const client = clientFor(`${local.url}/v1/`, { headers: { 'X-Api-Key': 'secret-value' } });
    const answer = await client.request({
      method: 'POST',
      path: '/jobs?a=1',
      query: { b: [2, 'x y'], c: undefined },
      json: { n: 1 },
    });
    expect(await answer.json()).toEqual({ sent: { n: 1 }, type: 'application/json' });
    expect(local.asked).toEqual(['POST /v1/jobs?a=1&b=2&b=x+y']);
    expect(local.requests[0]?.headers['x-api-key']).toBe('secret-value');
  });

  test('an absolute URL gets the own headers at the same origin only, also after a redirect', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      json(response, 'there');
    });
    const local = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `${other.url}/file` }).end();
    });
    const client = clientFor(local.url, {
      headers: { authorization: 'Bearer abcdefgh' },
      foreign_addresses: 'any',
    });
    const own = { 'x-api-key': 'also-a-secret' };
    expect(await (await client.request({ path: `${local.url}/moved`, headers: own })).json()).toBe('there');
    expect(other.requests[0]?.headers['x-api-key']).toBeUndefined();
    expect(await (await client.request({ path: `${other.url}/direct` })).json()).toBe('there');
    expect(seen).toEqual(['Bearer abcdefgh', undefined, undefined]);
  });

  test('an answer that leads into the network behind us is not followed', async () => {
    const other = await serve((_, response) => json(response, 'secrets'));
    const named = other.url.replace('127.0.0.1', 'localhost');
    const local = await serve((request, response) => {
      response.writeHead(302, { location: request.url === '/named' ? named : other.url }).end();
    });
    const client = clientFor(local.url);
    for (const path of ['/literal', '/named', other.url, named]) {
      expect(await failureOf(client.request({ path }))).toMatchObject({ code: 'permission', retryable: undefined });
    }
    expect(other.asked).toEqual([]);
  });

  test('a redirected POST is not sent on', async () => {
    const local = await serve((_, response) => void response.writeHead(307, { location: '/elsewhere' }).end());
    const error = await failureOf<HttpError>(clientFor(local.url).request({ method: 'POST', path: '/a', json: {} }));
    expect(error).toMatchObject({ code: 'backend_error', retryable: false });
    expect(error.message).toContain('/elsewhere');
    expect(local.asked).toHaveLength(1);
  });

  test.each(['ftp://x', 'localhost:80', 'http://u:p@h', 'http://h/?q=1', ''])('base URL %p is refused', (base_url) => {
    expect(() => createHttpClient({ base_url })).toThrow(/http\(s\):\/\/host/);
  });

  test('an expected status is an answer, any other an error', async () => {
    const local = await serve((_, response) => json(response, { gone: true }, 404));
    const client = clientFor(local.url);
    const answer = await client.request({ path: '/x', ok_statuses: [404] });
    expect(answer.status).toBe(404);
    await answer.discard();
    expect(await failureOf(client.request({ path: '/x' }))).toMatchObject({ code: 'not_found', status: 404 });
  });
});

describe('errors by the one table', () => {
  test.each([
    [400, 'validation', false],
    [401, 'authentication', false],
    [402, 'quota_exceeded', false],
    [403, 'permission', false],
    [404, 'not_found', false],
    [405, 'backend_error', false],
    [408, 'timeout', true],
    [409, 'conflict', false],
    [413, 'payload_too_large', false],
    [418, 'backend_error', false],
    [422, 'validation', false],
    [429, 'rate_limited', true],
    [500, 'backend_error', true],
    [502, 'backend_error', true],
    [503, 'service_unavailable', true],
    [504, 'timeout', true],
    [529, 'service_unavailable', true],
  ])('%d → %s', async (status, code, retryable) => {
    const local = await serve((_, response) => json(response, { error: { message: 'because of reasons' } }, status));
    const error = await failureOf<HttpError>(clientFor(local.url).request({ path: '/x' }));
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ code, retryable, status, delivery: 'answered' });
    expect(error.message).toBe(`GET ${local.url}/x answered ${status}: because of reasons`);
    expect(error.body).toEqual({ error: { message: 'because of reasons' } });
  });

  test.each([
    ['{"detail":[{"loc":["body","size"],"msg":"too big"}]}', 'body.size: too big'],
    ['{"title":"Bad","detail":"the why"}', 'the why'],
    ['{"errors":["one","two"]}', 'one; two'],
    ['{"status":7}', '{"status":7}'],
    ['plain words', 'plain words'],
    ['<html><head><title>502 Bad Gateway</title></head><body>x</body></html>', '502 Bad Gateway'],
  ])('the text in %s is found', async (body, text) => {
    const local = await serve((_, response) => void response.writeHead(400).end(body));
    const error = await failureOf(clientFor(local.url).request({ path: '/x' }));
    expect(error.message.endsWith(`answered 400: ${text}`)).toBe(true);
  });

  test('Retry-After in seconds and as a date; a moment that has passed is 0', async () => {
    const later = new Date(Date.now() + 60_000).toUTCString();
    const values: Record<string, string> = {
      '/s': '7',
      '/d': later,
      '/p': 'Thu, 01 Jan 1998 00:00:00 GMT',
      '/x': 'soon',
    };
    const local = await serve((request, response) =>
      json(response, {}, 429, { 'retry-after': values[request.url ?? ''] ?? '' }),
    );
    const client = clientFor(local.url);
    const wait = async (path: string) => (await failureOf<HttpError>(client.request({ path }))).retry_after_ms;
    expect(await wait('/s')).toBe(7_000);
    expect(await wait('/d')).toBeGreaterThan(55_000);
    expect(await wait('/p')).toBe(0);
    expect(await wait('/x')).toBeUndefined();
  });

  test('secrets do not come back in messages or bodies', async () => {
    const local = await serve((request, response) =>
      json(
        response,
        { message: `bad key ${String(request.headers['x-api-key'])} in ${request.url}`, key: 'v-123456' },
        401,
      ),
    );
    const client = clientFor(local.url, { headers: { 'x-api-key': 'abcdef123456' }, secrets: ['v-123456'] });
    const error = await failureOf<HttpError>(client.request({ path: '/x', query: { token: 'v-123456' } }));
    expect(error.message).toContain('bad key [redacted]');
    expect(JSON.stringify([error.message, error.body])).not.toMatch(/abcdef123456|v-123456/);
  });

  test('a refused connection and an unknown host: the backend cannot be reached, the request was not sent', async () => {
    const gone = await serve(() => {});
    await gone.stop();
    const refused = await failureOf<HttpError>(clientFor(gone.url).request({ method: 'POST', path: '/x', json: {} }));
    expect(refused).toMatchObject({ code: 'service_unavailable', delivery: 'not_sent' });
    const unknown = await failureOf(clientFor('http://nothing.invalid').request({ path: '/x' }));
    expect(unknown).toMatchObject({ code: 'service_unavailable', delivery: 'not_sent' });
  });

  test('what is no HTTP at all', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH\r\n');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await failureOf(clientFor(url).request({ path: '/x' }))).toMatchObject({ code: 'backend_error' });
    server.close();
  });
});

describe('bad answers', () => {
  test('silence before the answer ends after the deadline', async () => {
    const local = await serve(() => {});
    const error = await failureOf<HttpError>(clientFor(local.url, { timeout_ms: 60 }).request({ path: '/x' }));
    expect(error).toMatchObject({ code: 'timeout', delivery: 'in_doubt' });
    expect(error.message).toContain('no answer within 60 ms');
  });

  test('silence in the middle of the body', async () => {
    const local = await serve((_, response) => void response.write('half'));
    const client = clientFor(local.url, { idle_timeout_ms: 60 });
    const answer = await client.request({ path: '/x' });
    const error = await failureOf(answer.text());
    expect(error).toMatchObject({ code: 'timeout', status: 200 });
    expect(error.message).toContain('fell silent');
  });

  test('a body that drips without end is cut off by the deadline of the whole', async () => {
    const local = await serve((_, response) => {
      const drip = setInterval(() => response.write('x'), 5);
      response.on('close', () => clearInterval(drip));
    });
    const client = clientFor(local.url, { timeout_ms: 150, idle_timeout_ms: 5_000 });
    const answer = await client.request({ path: '/x' });
    expect(await failureOf(answer.text())).toMatchObject({ code: 'timeout' });
    await waitUntil(() => local.requests[0]!.socket.destroyed);
  });

  test('a slow reader is not taken for a silent backend', async () => {
    const part = Buffer.alloc(64 * 1_024, 1);
    const local = await serve(
      (_, response) => void Readable.from(Array.from({ length: 40 }, () => part)).pipe(response),
    );
    const answer = await clientFor(local.url, { idle_timeout_ms: 100 }).request({ path: '/x' });
    let bytes = 0;
    let first = true;
    for await (const chunk of answer.stream) {
      if (first) await waitUntil(elapsed(300));
      first = false;
      bytes += (chunk as Buffer).length;
    }
    expect(bytes).toBe(40 * part.length);
  });

  test('a connection cut in the middle of the body', async () => {
    const local = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.socket?.resetAndDestroy());
    });
    const answer = await clientFor(local.url).request({ path: '/x' });
    expect(await failureOf(answer.text())).toMatchObject({ code: 'service_unavailable', delivery: 'answered' });
  });

  test('a chunked body that ends without its end', async () => {
    const local = await serve((_, response) => void response.write('half', () => response.socket?.end()));
    const answer = await clientFor(local.url).request({ path: '/x' });
    expect(await failureOf(answer.text())).toMatchObject({ code: 'service_unavailable' });
  });

  test('half of a JSON document', async () => {
    const local = await serve((_, response) => void response.end('{"a": [1, 2'));
    const answer = await clientFor(local.url).request({ path: '/x' });
    const error = await failureOf(answer.json());
    expect(error).toMatchObject({ code: 'backend_error', status: 200 });
    expect(error.message).toContain('not JSON');
    expect(error.message).toContain('{"a": [1, 2');
  });

  test('too large: by its announcement and by its bytes', async () => {
    const local = await serve((request, response) => {
      if (request.url === '/announced') response.writeHead(200, { 'content-length': '200000' });
      Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(10_000)))
        .on('error', () => {})
        .pipe(response);
    });
    const client = clientFor(local.url, { max_response_bytes: 100_000 });
    for (const path of ['/announced', '/counted']) {
      const answer = await client.request({ path });
      expect(await failureOf(answer.bytes())).toMatchObject({ code: 'output_too_large' });
    }
    const allowed = await client.request({ path: '/counted', max_response_bytes: 200_000 });
    expect(await allowed.bytes()).toHaveLength(200_000);
  });

  test('an error whose body never ends still has its status', async () => {
    const local = await serve((_, response) => {
      response.writeHead(500);
      const more = setInterval(() => response.write('x'.repeat(20_000)), 1);
      response.on('close', () => clearInterval(more));
    });
    const error = await failureOf<HttpError>(clientFor(local.url).request({ path: '/x' }));
    expect(error).toMatchObject({ code: 'backend_error', status: 500 });
    expect(error.message.length).toBeLessThan(2_200);
  });
});

describe('the signal', () => {
  test('ends a request that waits, with its own reason', async () => {
    const local = await serve(() => {});
    const stop = new AbortController();
    const asked = failureOf(clientFor(local.url).request({ path: '/x', signal: stop.signal }));
    await once(local.server, 'request');
    const reason = new Error('cancelled by the user');
    stop.abort(reason);
    expect(await asked).toBe(reason);
    await expect(clientFor(local.url).request({ path: '/y', signal: stop.signal })).rejects.toBe(reason);
    expect(local.asked).toEqual(['GET /x']);
  });

  test('ends a body that is being read, and the connection with it', async () => {
    const local = await serve((_, response) => void response.write('beginning'));
    const stop = new AbortController();
    const answer = await clientFor(local.url).request({ path: '/x', signal: stop.signal });
    const read = failureOf(answer.text());
    const reason = new Error('enough');
    stop.abort(reason);
    expect(await read).toBe(reason);
    await waitUntil(() => local.requests[0]!.socket.destroyed);
  });

  test('ends the wait before a retry', async () => {
    const local = await serve((_, response) => json(response, {}, 503, { 'retry-after': '4' }));
    const stop = new AbortController();
    const asked = failureOf(clientFor(local.url, { retries: 5 }).request({ path: '/x', signal: stop.signal }));
    await once(local.server, 'request');
    setTimeout(() => stop.abort(new Error('no more')), 20);
    expect((await asked).message).toBe('no more');
    expect(local.asked).toHaveLength(1);
  });
});

describe('retries', () => {
  const failing = (times: number, fail: (response: ServerResponse) => void) => {
    let count = 0;
    return serve((_, response) => (++count <= times ? fail(response) : json(response, count)));
  };

  test('a GET is repeated over 503, 500 and a reset', async () => {
    for (const fail of [
      (response: ServerResponse) => json(response, {}, 503, { 'retry-after': '0' }),
      (response: ServerResponse) => json(response, {}, 500),
      (response: ServerResponse) => void response.socket?.resetAndDestroy(),
    ]) {
      const local = await failing(1, fail);
      const answer = await clientFor(local.url, { retries: 1 }).request({ path: '/x' });
      expect(await answer.json()).toBe(2);
    }
  });

  test('a POST is not, unless it says that it may be', async () => {
    const local = await failing(1, (response) => void response.socket?.resetAndDestroy());
    const client = clientFor(local.url, { retries: 3 });
    const error = await failureOf<HttpError>(client.request({ method: 'POST', path: '/x', json: {} }));
    expect(error).toMatchObject({ code: 'service_unavailable', delivery: 'in_doubt' });
    expect(local.asked).toHaveLength(1);

    const marked = await failing(1, (response) => void response.socket?.resetAndDestroy());
    const answer = await clientFor(marked.url, { retries: 3 }).request({
      method: 'POST',
      path: '/x',
      json: {},
      idempotent: true,
    });
    expect(await answer.json()).toBe(2);
  });

  test('a POST is sent again when the connection was never made', async () => {
    const local = await serve((_, response) => json(response, 'up'));
    const { port } = new URL(local.url);
    await local.stop();
    const asked = clientFor(local.url, { retries: 8 }).request({ method: 'POST', path: '/x', json: {} });
    const answered = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
    });
    await once(answered.listen(Number(port), '127.0.0.1'), 'listening');
    expect((await asked).status).toBe(200);
    await (await asked).discard();
    answered.close();
  });

  test('a 4xx is final, and a long Retry-After is left to the job', async () => {
    const bad = await failing(1, (response) => json(response, {}, 422));
    await failureOf(clientFor(bad.url, { retries: 3 }).request({ path: '/x' }));
    expect(bad.asked).toHaveLength(1);
    const busy = await failing(1, (response) => json(response, {}, 429, { 'retry-after': '60' }));
    const error = await failureOf(clientFor(busy.url, { retries: 3 }).request({ path: '/x' }));
    expect(error).toMatchObject({ code: 'rate_limited', retry_after_ms: 60_000 });
    expect(busy.asked).toHaveLength(1);
  });

  test('the last failure is what comes out', async () => {
    const local = await failing(9, (response) => json(response, { message: 'down' }, 503, { 'retry-after': '0' }));
    const error = await failureOf(clientFor(local.url, { retries: 2 }).request({ path: '/x' }));
    expect(error.message).toContain('down');
    expect(local.asked).toHaveLength(3);
  });
});

test('closing ends what is under way', async () => {
  const local = await serve(() => {});
  const client = clientFor(local.url);
  const asked = failureOf(client.request({ path: '/x' }));
  await once(local.server, 'request');
  await client.close();
  expect(await asked).toMatchObject({ code: 'service_unavailable' });
});
