import { describe, expect, test } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { byteRange, RangeNotSatisfiable } from '../../api/http/byte-range.ts';
import { contentDisposition } from '../../api/http/content-disposition.ts';
import { decodeCursor, encodeCursor } from '../../api/http/cursor.ts';
import { findJsonMistake } from '../../api/http/find-json-mistake.ts';
import { HttpProblem } from '../../api/http/http-problem.ts';
import { idempotencyId, idempotencyKey, requestHash } from '../../api/http/idempotency.ts';
import { problemOf } from '../../api/http/problem-of.ts';
import { parseJson } from '../../api/http/read-body.ts';
import { isLoopback, RequestGuard } from '../../api/http/request-guard.ts';
import { requestIdOf } from '../../api/http/request-id.ts';
import { waitPreference } from '../../api/http/wait-preference.ts';
import { problemDocument } from '../../api/http/write-problem.ts';
import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import { jobWorkflowId, jobIdOfWorkflow, workflowIdCandidates } from '../../contract/ids.ts';
import { formatEventId, parseEventId } from '../../contract/job-events.ts';
import { TemporalUnavailableError } from '../../platform/jobs/temporal-calls.ts';

/** A request as far as headers go. */
function request(headers: Record<string, string>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

function codeOf(action: () => unknown): ErrorCode | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return problemOf(error).code;
  }
}

describe('the place of a mistake in JSON', () => {
  test.each([
    ['{"a":}', 5],
    ['{"a": 1', 7],
    ['nonsense', 0],
    ['', 0],
    ['[1,]', 3],
    ['{"a":"x\ny"}', 5],
    ['{a:1}', 1],
    ['{"a":"b" "c"}', 9],
    ['{"a":1}x', 7],
    ['{"a":01}', 6],
    ["{'a':1}", 1],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['[}', 1],
    ['"open', 0],
    ['{"a":1,}', 7],
  ])('%j', (text, offset) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(findJsonMistake(text)?.offset).toBe(offset);
  });

  test.each(['{}', '[]', '1', '"a"', 'null', ' {"a":[1,-2.5e+3,{"b":"\\u00e4\\n"}],"c":true} \n'])(
    '%j has none',
    (text) => {
      expect(() => JSON.parse(text) as unknown).not.toThrow();
      expect(findJsonMistake(text)).toBeUndefined();
    },
  );

  test('is found in long and deep texts too', () => {
    expect(findJsonMistake('['.repeat(200_000))?.offset).toBe(200_000);
    expect(findJsonMistake(`["${'a\\"'.repeat(500_000)}"x`)?.what).toContain('closing bracket');
  });

  test('is told by line and column, without quoting the text', () => {
    expect(() => parseJson(Buffer.from('{\n  "token": "secret" "x"\n}'))).toThrow(/line 2, column 21 \(position 22\)/);
    expect(() => parseJson(Buffer.from('{\n  "token": "secret" "x"\n}'))).not.toThrow(/secret/);
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('not UTF-8');
  });
});

describe('problem documents', () => {
  test('every code has its status, a title, a way out and a type', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      expect(problemDocument(new HttpProblem(code, 'what happened'), 'r1')).toMatchObject({
        type: `urn:switchyard:error:${code}`,
        status: ERROR_CODES[code].http,
        detail: 'what happened',
        code,
        help: ERROR_CODES[code].help,
        instance: 'urn:switchyard:request:r1',
      });
    }
  });

  test('extensions never hide a standard member', () => {
    const problem = new HttpProblem('conflict', 'x', { extensions: { status: 200, job_status: 'failed' } });
    expect(problemDocument(problem)).toMatchObject({ status: 409, job_status: 'failed' });
  });

  test('errors nobody foresaw keep their text to themselves', () => {
    const problem = problemOf(new Error('connect to postgres://user:secret@db failed'));
    expect(problem.code).toBe('internal');
    expect(JSON.stringify(problemDocument(problem))).not.toContain('secret');
  });

  test('Temporal away: 503 with Retry-After; disk full: 503', () => {
    const away = problemOf(new TemporalUnavailableError('away'));
    expect([away.status, away.headers['Retry-After']]).toEqual([503, '2']);
    expect(problemOf(Object.assign(new Error('write'), { code: 'ENOSPC' })).status).toBe(503);
  });
});

describe('cursors', () => {
  const token = Buffer.from([1, 2, 250]);
  test('come back as they were made', () => {
    expect(Buffer.from(decodeCursor(encodeCursor(token, { pool: ['a'] }), { pool: ['a'] }))).toEqual(token);
  });
  test.each([['x'], [''], [Buffer.from('null').toString('base64url')], [Buffer.from('{"v":2}').toString('base64url')]])(
    '%j is refused',
    (cursor) => {
      expect(() => decodeCursor(cursor, {})).toThrow('no cursor of this API');
    },
  );
  test('a changed one is refused', () => {
    const made = JSON.parse(Buffer.from(encodeCursor(token, {}), 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...made, t: 'AAAA' })).toString('base64url');
    expect(() => decodeCursor(changed, {})).toThrow('no cursor of this API');
  });
  test('other filters are refused', () => {
    expect(() => decodeCursor(encodeCursor(token, { pool: ['a'] }), { pool: ['b'] })).toThrow('other filters');
  });
});

describe('Prefer: wait', () => {
  test.each([
    ['wait=5', 5],
    ['respond-async, wait=60', 60],
    ['WAIT="7"', 7],
    ['wait=5; x=y', 5],
    ['respond-async', undefined],
    ['waiting=5', undefined],
  ])('%s', (header, seconds) => expect(waitPreference(header)).toBe(seconds));
  test.each(['wait', 'wait=0', 'wait=61', 'wait=-1', 'wait=1.5', 'wait=abc'])('%s is refused', (header) => {
    expect(codeOf(() => waitPreference(header))).toBe('validation');
  });
  test('no header, no wait', () => expect(waitPreference(undefined)).toBeUndefined());
});

describe('Range', () => {
  test.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=50-1000', { start: 50, end: 99 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=5-1', undefined],
    ['bytes=0-1,5-6', undefined],
    ['items=0-1', undefined],
    ['bytes=-', undefined],
    [undefined, undefined],
  ])('%s of 100', (header, range) => expect(byteRange(header, 100)).toEqual(range));
  test.each(['bytes=100-', 'bytes=-0', 'bytes=200-300'])('%s lies outside', (header) => {
    expect(() => byteRange(header, 100)).toThrow(RangeNotSatisfiable);
  });
});

describe('idempotency', () => {
  test('the order of fields does not count, everything else does', () => {
    expect(requestHash({ a: 1, b: { c: [1, 2] } })).toBe(requestHash({ b: { c: [1, 2] }, a: 1 }));
    const all = [{ a: 1 }, { a: '1' }, { a: [1] }, { a: { b: 1 } }, { a: [['b', 1]] }, { a: null }, {}, [], null];
    expect(new Set(all.map(requestHash)).size).toBe(all.length);
  });
  test('a key is always the same id, of our own make', () => {
    expect(idempotencyId('k')).toBe(idempotencyId('k'));
    expect(idempotencyId('k')).not.toBe(idempotencyId('K'));
    expect(workflowIdCandidates(idempotencyId('k'))).toEqual([jobWorkflowId(idempotencyId('k'))]);
    expect(jobIdOfWorkflow(jobWorkflowId(idempotencyId('k')))).toBe(idempotencyId('k'));
  });
  test.each(['', ' ', 'x'.repeat(256), 'ä'])('the key %j is refused', (key) => {
    expect(codeOf(() => idempotencyKey(request({ 'idempotency-key': key })))).toBe('validation');
  });
});

describe('event ids', () => {
  test('come back as they were made', () => {
    const position = { ended: 0, activity: 2, attempt: 13, phase: 1, seq: 123_456 } as const;
    expect(parseEventId(formatEventId(position))).toEqual(position);
  });
  test.each(['', '1', '0-1-1-1', '0-1-1-3-1', '2-1-1-1-1', '0-1-1-1-1-1', '0--1-1-1-1', 'a-b-c-d-e', '0-1-1-1-1x'])(
    '%j is none',
    (id) => expect(parseEventId(id)).toBeUndefined(),
  );
});

describe('who may ask', () => {
  const local = new RequestGuard({ host: '127.0.0.1' });
  test.each(['localhost:8400', '127.0.0.1', '[::1]:8400', 'app.localhost', 'LOCALHOST'])('host %s', (host) => {
    expect(codeOf(() => local.checkHost(request({ host })))).toBeUndefined();
  });
  test.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:8400', '10.0.0.1'])('not %s', (host) => {
    expect(codeOf(() => local.checkHost(request({ host })))).toBe('permission');
  });
  test('any host where the API is meant to be public', () => {
    const options = { host: '127.0.0.1', publicUrl: 'https://ai.example' };
    expect(codeOf(() => new RequestGuard(options).checkHost(request({ host: 'ai.example' })))).toBeUndefined();
    expect(codeOf(() => new RequestGuard({ host: '0.0.0.0' }).checkHost(request({ host: 'box' })))).toBeUndefined();
  });
  test.each<[Record<string, string>, ErrorCode | undefined]>([
    [{ host: 'localhost:1' }, undefined],
    [{ host: 'localhost:1', origin: 'http://localhost:1' }, undefined],
    [{ host: 'localhost:1', origin: 'http://localhost:2' }, 'permission'],
    [{ host: 'localhost:1', origin: 'https://evil.example' }, 'permission'],
    [{ host: 'localhost:1', origin: 'null' }, 'permission'],
    [{ host: 'localhost:1', 'sec-fetch-site': 'cross-site' }, 'permission'],
  ])('%j: %s', (headers, code) => expect(codeOf(() => local.checkOrigin(request(headers)))).toBe(code));
  test('the public address is an origin of ours', () => {
    const guard = new RequestGuard({ host: '0.0.0.0', publicUrl: 'https://ai.example/x' });
    const headers = { host: 'inner:80', origin: 'https://ai.example' };
    expect(codeOf(() => guard.checkOrigin(request(headers)))).toBeUndefined();
  });
  test('0.0.0.0 is no loopback', () => expect(isLoopback('0.0.0.0')).toBe(false));
});

describe('names in headers', () => {
  test('only what cannot run anything is shown in place', () => {
    expect(contentDisposition('a.png', 'image/png', false)).toMatch(/^inline; filename="a.png"/);
    expect(contentDisposition('a.png', 'image/png', true)).toMatch(/^attachment/);
    for (const mime of ['image/svg+xml', 'text/html', 'application/json', 'text/plain', 'application/xhtml+xml']) {
      expect(contentDisposition('a', mime, false)).toMatch(/^attachment/);
    }
  });
  test('names of any letters, and none that break out of the header', () => {
    const header = contentDisposition('Bild "1"\r\nX: y ä.png', 'image/png', false);
    expect(header).toBe(
      `inline; filename="Bild _1___X: y _.png"; filename*=UTF-8''Bild%20%221%22%0D%0AX%3A%20y%20%C3%A4.png`,
    );
  });
  test("a caller's request id is taken only when it is harmless", () => {
    expect(requestIdOf(request({ 'x-request-id': 'abc-1' }))).toBe('abc-1');
    expect(requestIdOf(request({ 'x-request-id': 'a\u001b[31m' }))).toMatch(/^[0-9a-f-]{36}$/);
  });
});
