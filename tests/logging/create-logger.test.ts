import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../platform/logging/create-logger.ts';
import type { Logger } from '../../platform/logging/logger.ts';

function capture(write: (logger: Logger) => void, level: 'trace' | 'info' = 'trace') {
  const lines: string[] = [];
  write(createLogger({ level, name: 'test', destination: { write: (line) => void lines.push(line) } }));
  return lines;
}
const parsed = (lines: string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log line', () => {
  test('is JSON on one line with ISO time, level as text, and the context of its child logger', () => {
    const lines = capture((logger) =>
      logger.child({ job_id: 'j1', service: 'upscale', attempt: 2 }).warn({ tile: 3 }, 'slow tile'),
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(parsed(lines)[0]).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      name: 'test',
      pid: process.pid,
      job_id: 'j1',
      service: 'upscale',
      attempt: 2,
      tile: 3,
      msg: 'slow tile',
    });
  });

  test('below the level is not written', () => {
    expect(capture((logger) => logger.debug('quiet'), 'info')).toEqual([]);
  });
});

const SECRET = 'planted-S3cret-value-0123456789';

describe('a secret does not get into the log', () => {
  const ways: Record<string, (logger: Logger) => void> = {
    'field at the top': (l) => l.info({ api_key: SECRET }),
    'field deep down': (l) => l.info({ a: { b: [{ c: { apiKey: SECRET } }] } }),
    'header object': (l) =>
      l.info({ headers: { Authorization: `Token ${SECRET}`, 'X-Api-Key': SECRET, Cookie: SECRET } }),
    'list of header values': (l) => l.info({ 'set-cookie': [`a=${SECRET}`] }),
    environment: (l) => l.info({ env: { OPENAI_API_KEY: SECRET, HF_TOKEN: SECRET, DB_PASSWORD: SECRET } }),
    'object under a sensitive name': (l) => l.info({ credentials: { user: 'me', value: SECRET } }),
    'child bindings': (l) => l.child({ service: { client_secret: SECRET } }).info('hello'),
    'bearer in a text': (l) => l.info(`sent Authorization: Bearer ${SECRET}`),
    'bearer in a field with an innocent name': (l) => l.info({ header: `Bearer ${SECRET}` }),
    'sk- key in a text': (l) => l.info(`using sk-${SECRET}`),
    'address with credentials': (l) => l.info(`GET https://me:${SECRET}@example.com/`),
    'query parameter': (l) => l.info({ url: `https://example.com/?a=1&api_key=${SECRET}&b=2` }),
    'error message': (l) => l.error(new Error(`401 for Bearer ${SECRET}`)),
    'cause of an error': (l) => l.error({ err: new Error('outer', { cause: new Error(`password=${SECRET}`) }) }, 'x'),
    'property of an error': (l) => l.error(Object.assign(new Error('x'), { token: SECRET })),
    'format argument': (l) => l.info('configuration %j', { apiKey: SECRET }),
    'JSON inside a text': (l) => l.info(JSON.stringify({ api_key: SECRET })),
    'JSON web token': (l) => l.info('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.planted-S3cret-value-0123456789'),
  };
  test.each(Object.entries(ways))('%s', (_, write) => {
    const lines = capture(write);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).toContain('[redacted]');
    expect(parsed(lines)).toHaveLength(1);
  });
});

test('what only looks like a secret stays readable', () => {
  const fields = {
    token_usage: { prompt_tokens: 50, completion_tokens: 100 },
    max_tokens: 4096,
    token: 17,
    idempotency: 'key-1',
    task: 'task-something-long-enough',
    note: 'Basic information about a disk-usage-report',
    url: 'http://127.0.0.1:8188/prompt?client_id=1',
  };
  expect(parsed(capture((logger) => logger.info(fields, 'fine')))[0]).toMatchObject({ ...fields, msg: 'fine' });
});

test('a long hostile text does not hold the process up', () => {
  const texts = [
    ':'.repeat(200_000),
    `://${':'.repeat(200_000)}`,
    'a'.repeat(200_000),
    'eyJ-'.repeat(50_000),
    'token"'.repeat(50_000),
  ];
  const lines = capture((logger) => {
    for (const text of texts) logger.info({ text });
  });
  expect(lines).toHaveLength(texts.length);
}, 10_000);
