import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseInputs } from '../../cli/input/inputs.ts';
import { buildJobDocument, parseDeadline, type JobOptions } from '../../cli/input/job-document.ts';
import { jobSchema } from '../../contract/job.schema.ts';
import { recordedTerminal } from './terminal-double.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-cli-'));
  await writeFile(join(folder, 'picture.png'), 'not really');
  await writeFile(join(folder, 'payload.json'), '{"scale": 2, "format": "png"}');
  await writeFile(join(folder, 'list.json'), '[1]');
  await writeFile(
    join(folder, 'job.json'),
    '{"service":"upscale","payload":{"scale":2},"tags":["a"],"retry":{"max_attempts":2},"priority":5}',
  );
});

afterAll(() => rm(folder, { recursive: true }));

function build(service: string | undefined, options: JobOptions, references = {}, stdin = '') {
  return buildJobDocument(service, options, references, recordedTerminal({ cwd: folder, stdin }));
}

describe('the job document', () => {
  test('holds no more than was said', async () => {
    expect(await build('simulation', {})).toEqual({ service: 'simulation', payload: {} });
  });

  test('is made from every option, and is one that the API takes', async () => {
    const document = await build(
      'upscale',
      {
        payload: '@payload.json',
        set: ['scale=4'],
        pool: 'heavy',
        priority: 1,
        tag: ['x', 'y'],
        metadata: ['n=1', 'text=hello', 'flag=true', 'list=[1]'],
        startTimeout: '5m',
        runTimeout: '90',
        deadline: '2h',
        maxAttempts: 3,
        machineType: 'gpu',
        gpuCount: 1,
        gpuMemoryMb: 8_000,
        connector: 'UpscaleConnector',
        model: 'm',
        artifactRetention: '30d',
      },
      { image: 'artifact:inputs/abc' },
    );
    const { deadline, ...rest } = document;
    expect(rest).toEqual({
      service: 'upscale',
      payload: { scale: 4, format: 'png', image: 'artifact:inputs/abc' },
      pool: 'heavy',
      priority: 1,
      start_timeout: '5m',
      run_timeout: 90,
      artifact_retention: '30d',
      tags: ['x', 'y'],
      metadata: { n: 1, text: 'hello', flag: true, list: '[1]' },
      requirements: {
        machine_type: 'gpu',
        gpu_count: 1,
        gpu_memory_mb: 8_000,
        connector: 'UpscaleConnector',
        model: 'm',
      },
      retry: { max_attempts: 3 },
    });
    expect(Date.parse(String(deadline))).toBeGreaterThan(Date.now() + 7_100_000);
    expect(jobSchema.safeParse(document).success).toBe(true);
  });

  test('--job is what the options build on', async () => {
    expect(await build(undefined, { job: 'job.json', set: ['format=webp'], tag: ['b'], maxAttempts: 4 })).toEqual({
      service: 'upscale',
      payload: { scale: 2, format: 'webp' },
      tags: ['a', 'b'],
      retry: { max_attempts: 4 },
      priority: 5,
    });
  });

  test('comes from standard input too', async () => {
    expect(await build('simulation', { payload: '-' }, {}, '{"steps": 3}')).toMatchObject({ payload: { steps: 3 } });
    expect(await build(undefined, { job: '-' }, {}, '{"service": "simulation"}')).toMatchObject({
      service: 'simulation',
    });
  });

  test('keeps what only the API can judge', async () => {
    expect(await build('no-such-service', { set: ['nonsense=1'] })).toEqual({
      service: 'no-such-service',
      payload: { nonsense: 1 },
    });
  });

  test.each<[string, string | undefined, JobOptions, RegExp]>([
    ['no service', undefined, {}, /Which service/],
    ['a payload that is no JSON', 'x', { payload: '{scale:4}' }, /--payload is not JSON/],
    ['a payload that is a list', 'x', { payload: '@list.json' }, /list\.json must be a JSON object/],
    ['a missing file', 'x', { payload: '@nowhere.json' }, /nowhere\.json: there is no such file/],
    ['two readers of standard input', 'x', { payload: '-', job: '-' }, /cannot both/],
    ['metadata without a value', 'x', { metadata: ['key'] }, /must have the form key=value/],
    ['a duration that is none', 'x', { runTimeout: 'soon' }, /--run-timeout soon/],
    ['a deadline that is none', 'x', { deadline: 'tomorrow' }, /--deadline tomorrow/],
  ])('%s is refused', async (_what, service, options, message) => {
    await expect(build(service, options)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });
});

test('a deadline is a duration from now, or a time', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  expect(parseDeadline('90m', now)).toBe('2026-01-31T13:30:00.000Z');
  expect(parseDeadline('2026-02-01T00:00:00+02:00', now)).toBe('2026-02-01T00:00:00+02:00');
  expect(parseDeadline('2026-02-01T00:00:00', now)).toBe(new Date('2026-02-01T00:00:00').toISOString());
});

describe('-i', () => {
  const parse = (...values: string[]) => parseInputs(values, recordedTerminal({ cwd: folder }));

  test('takes files and references', async () => {
    expect(await parse('image=@picture.png', 'mask=https://example.org/m.png?a=b')).toEqual({
      files: [{ field: 'image', path: join(folder, 'picture.png'), name: 'picture.png', bytes: 10 }],
      references: { mask: 'https://example.org/m.png?a=b' },
    });
  });

  test.each([
    ['image', /must have the form/],
    ['image=@nowhere.png', /-i image: nowhere\.png: there is no such file/],
    ['image=@.', /is not a file/],
    ['image=@', /is not a file|no path/],
    ['image=ftp://x', /neither a file/],
    ['1image=@picture.png', /no payload field name/],
  ])('%s is refused', async (value, message) => {
    await expect(parse(value)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  });

  test('a path without @ is answered with the spelling that was meant', async () => {
    await expect(parse('image=picture.png')).rejects.toMatchObject({ hint: 'Did you mean -i image=@picture.png?' });
  });

  test('a field can be given once', async () => {
    await expect(parse('image=@picture.png', 'image=@picture.png')).rejects.toThrow('given twice');
  });
});
