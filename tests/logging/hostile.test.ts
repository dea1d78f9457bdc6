import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../platform/logging/create-logger.ts';
import { jobLogger } from '../../platform/logging/job-logger.ts';
import { knownSecrets } from '../../platform/logging/known-secrets.ts';
import type { Logger } from '../../platform/logging/logger.ts';

const SECRET = 'planted-S3cret-value-0123456789';
const PROMPT = 'a fox that nobody may read about';

function capture(write: (logger: Logger) => void, secrets: string[] = []): string[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLogger({ level: 'trace', name: 'test', destination, secrets }));
  return lines;
}

describe('a secret does not get into the log', () => {
  const ways: Record<string, (logger: Logger) => void> = {
    'flat list of headers': (l) => l.info({ headers: ['content-type', 'x', 'x-api-key', SECRET] }),
    'pairs of headers': (l) => l.info({ headers: [['X-Auth-Token', SECRET]] }),
    'headers by name and value': (l) => l.info({ headers: [{ name: 'Authorization', value: SECRET }] }),
    'key of a query string': (l) => l.info({ url: `https://example.com/v1?key=${SECRET}&alt=json` }),
    'signature of a storage address': (l) => l.info(`GET https://x.example/a?sv=1&sig=${SECRET}`),
    'error text of a vendor': (l) => l.error(new Error(`Incorrect API key provided: ${SECRET}.`)),
    'error text with a header': (l) => l.error(new Error(`sent x-auth-token: ${SECRET} to the server`)),
    'plural name': (l) => l.info({ api_keys: [SECRET], tokens: [SECRET] }),
    'deep in a list of objects': (l) => l.info({ a: [{ b: [{ account_key: SECRET }] }] }),
    'property of an error': (l) => l.error(Object.assign(new Error('x'), { apiKey: SECRET })),
    'cause of a cause': (l) =>
      l.error(new Error('a', { cause: new Error('b', { cause: new Error(`Bearer ${SECRET}`) }) })),
  };
  test.each(Object.entries(ways))('%s', (_, write) => {
    const text = capture(write).join('');
    expect(text).not.toContain(SECRET);
    expect(text).toContain('[redacted]');
  });

  test('request and headers that hang on an error stay out altogether', () => {
    const error = Object.assign(new Error('refused'), {
      request: { body: PROMPT, headers: { a: SECRET } },
      response: { data: [SECRET] },
      status: 401,
    });
    const text = capture((l) => l.error({ err: error }, 'call failed')).join('');
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(PROMPT);
    expect(JSON.parse(text)).toMatchObject({ err: { type: 'Error', message: 'refused', status: 401 } });
  });

  test('a value of the environment is hidden wherever it stands, also inside an address or JSON', () => {
    const odd = 'p"ss w\\rd/0123';
    const secrets = knownSecrets({
      MY_SERVICE_API_KEY: 'one-value-1,two-value-2',
      DB_PASSWORD: odd,
      LANG: 'C.UTF-8-long',
    });
    const lines = capture(
      (l) =>
        l.info(
          {
            path: '/bot/one-value-1/send',
            q: encodeURIComponent(odd),
            said: JSON.stringify({ echo: odd }),
            plain: odd,
          },
          'two-value-2 in C.UTF-8-long',
        ),
      secrets,
    );
    const text = lines.join('');
    for (const value of ['one-value-1', 'two-value-2', odd, encodeURIComponent(odd), 'w\\\\rd']) {
      expect(text).not.toContain(value);
    }
    expect(JSON.parse(text)).toMatchObject({ path: '/bot/[redacted]/send', msg: '[redacted] in C.UTF-8-long' });
  });
});

describe("a job's payload does not get into the log", () => {
  const payload = { prompt: PROMPT, model: 'sdxl-base', nested: [{ text: 'one "quoted" line' }], n: 3 };
  const ways: Record<string, (logger: Logger) => void> = {
    'error that repeats it': (l) => l.warn({ err: new Error(`cannot parse: ${PROMPT}`) }, 'attempt failed'),
    'cause that repeats it': (l) => l.warn({ err: new Error('x', { cause: new Error(PROMPT) }) }, 'attempt failed'),
    'JSON that repeats it': (l) => l.warn({ err: new Error(JSON.stringify(payload)) }, 'attempt failed'),
    'field of a line': (l) => l.info({ detail: `working on ${PROMPT}` }, 'progress'),
    'deep in a field': (l) => l.info({ answer: [{ echo: PROMPT }] }, 'progress'),
    'line of a child': (l) => l.child({ node: 1 }).info({ detail: PROMPT }, 'progress'),
  };
  test.each(Object.entries(ways))('%s', (_, write) => {
    const text = capture((l) => write(jobLogger(l, { job_id: 'j1' }, payload))).join('');
    expect(text).not.toContain(PROMPT);
    expect(text).not.toContain('quoted');
    expect(text).toContain('[payload]');
    expect(JSON.parse(text)).toMatchObject({ job_id: 'j1' });
  });

  test('what an operator needs stays: models, codes, numbers', () => {
    const [line = ''] = capture((l) =>
      jobLogger(l, { job_id: 'j1' }, payload).warn(
        { code: 'missing_model', err: new Error('no sdxl-base here') },
        'failed',
      ),
    );
    expect(JSON.parse(line)).toMatchObject({ code: 'missing_model', err: { message: 'no sdxl-base here' } });
  });
});

describe('a line is fit for collectors', () => {
  test('line breaks inside texts and errors do not break it', () => {
    const lines = capture((l) => l.info({ text: 'a\nb\r\nc\u2028d', err: new Error('one\ntwo') }, 'x\ny'));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] as string)).toMatchObject({ msg: 'x\ny' });
  });

  test.each([
    ['a long text', { text: 'x'.repeat(500_000) }],
    ['a long list', { list: Array.from({ length: 20_000 }, (_, index) => ({ index, text: `entry ${index}` })) }],
    [
      'many fields',
      Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field_${index}`, 'y'.repeat(90)])),
    ],
    ['a long error', { err: new Error('z'.repeat(300_000)) }],
  ])('%s is cut, and the line is still JSON with its time and level', (_, fields) => {
    const [line = ''] = capture((l) => l.child({ job_id: 'j1' }).warn(fields, 'long'));
    expect(Buffer.byteLength(line)).toBeLessThan(16_384);
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', job_id: 'j1', msg: 'long', time: expect.any(String) });
  });
});
