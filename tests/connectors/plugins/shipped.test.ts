import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { PluginBench } from './plugin-bench.ts';

let bench: PluginBench;
beforeAll(async () => {
  bench = await PluginBench.start();
});
afterAll(() => bench.stack.stop());
beforeEach(() => bench.reset());

describe('prompt guard', () => {
  const guard = (options: object) => ({ plugin: 'prompt-guard', options });

  test.each([
    'draw the SECRET sauce',
    'Se\u00adcret\u200b\u00a0\u00a0sauce!',
    'ｓｅｃｒｅｔ sauce',
    'sécret, sauce',
    'secret\nsauce',
  ])('refuses %j and names the field, not the words', async (text) => {
    await bench.use(temporaryFolder(), [guard({ words: ['secret sauce', 'c++'] })]);
    const { error } = await bench.run({ text });
    expect(error).toMatchObject({
      code: 'content_policy',
      retryable: false,
      errors: [{ pointer: '/payload/text', detail: 'holds a word that is not allowed', hint: 'change this text' }],
    });
    expect(error?.message).toContain('(plugin "prompt-guard")');
    expect(JSON.stringify([error, bench.log])).not.toMatch(/sauce/i);
    expect(bench.stack.connector.begun).toEqual([]);
  });

  test.each(['secretive sauces', 'sauce, secret', 'c+', 'a c++11 programme'])('lets %j pass', async (text) => {
    await bench.use(temporaryFolder(), [guard({ words: ['secret sauce', 'c++'] })]);
    expect((await bench.run({ text })).outcome?.result).toEqual({ said: text });
  });

  test('takes patterns with labels, fields, and a code of its own', async () => {
    const patterns = [{ pattern: '\\bSK-\\d{4}\\b', label: 'part numbers' }];
    const options = { patterns, fields: ['text'], code: 'validation', message: 'No', hint: 'ask sales' };
    await bench.use(temporaryFolder(), [guard(options)]);
    const { error } = await bench.run({ text: 'buy sk-1234 now' });
    expect(error).toMatchObject({
      code: 'validation',
      message: 'No: /payload/text is not allowed: part numbers (plugin "prompt-guard")',
      errors: [{ hint: 'ask sales' }],
    });
    await bench.use(temporaryFolder(), [guard({ ...options, fields: ['prompt'] })]);
    expect((await bench.run({ text: 'buy sk-1234 now' })).outcome).toBeDefined();
  });

  test('a pattern that would run for years is stopped, and named', async () => {
    const plugin = { ...guard({ patterns: ['^(a+)+$'] }), on_failure: 'warn' };
    await bench.use(temporaryFolder(), [plugin]);
    const { outcome } = await bench.run({ text: `${'a'.repeat(60)}!` });
    expect(outcome).toBeDefined();
    const warning = bench.log.find(({ msg }) => msg === 'a plugin failed; the job goes on without it');
    expect(warning).toMatchObject({
      err: { message: expect.stringContaining('the pattern ^(a+)+$ did not end within') },
    });
  });
});

describe('picture stamp', () => {
  const picture = (background: string) => sharp({ create: { width: 64, height: 48, channels: 3, background } });

  test('puts a mark and its words into pictures of a job, and leaves other files alone', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'mark.png');
    await sharp({ create: { width: 10, height: 10, channels: 4, background: '#ff0000' } })
      .png()
      .toFile(image);
    const options = {
      metadata: { artist: 'Switchyard', description: '{service} {job_id} {unknown}' },
      watermark: { image, position: 'southeast', opacity: 1, width: 0.25, margin: 0 },
    };
    await bench.use(folder, [{ plugin: 'picture-stamp', options }]);
    bench.stack.connector.script = async () => 'pictures';
    const { connector } = bench.stack;
    const original = connector.processJob.bind(connector);
    connector.processJob = async (job, progress, context) => {
      const result = await original(job, progress, context);
      const png = await context.writeOutput(await picture('#00ff00').png().toBuffer(), {
        name: 'one.png',
        meta: { n: 1 },
      });
      const jpeg = await context.writeOutput(await picture('#00ff00').jpeg().toBuffer(), { name: 'two.jpg' });
      const text = await context.writeOutput(Buffer.from('words'), { name: 'notes.txt', mime: 'text/plain' });
      return { ...result, artifacts: [png, jpeg, text] };
    };
    const { id, outcome, error } = await bench.run();
    connector.processJob = original;
    expect(error).toBeUndefined();
    expect(outcome?.artifacts.map(({ name }) => name)).toEqual(['one.png', 'two.jpg', 'notes.txt']);
    expect(outcome?.artifacts[0]).toMatchObject({ mime: 'image/png', meta: { n: 1, stamped: true } });
    expect(outcome?.artifacts[2]?.meta).toBeUndefined();
    for (const ref of outcome?.artifacts.slice(0, 2) ?? []) {
      const path = (await bench.stack.artifacts.localPath(ref.uri)) as string;
      const { exif, width, height } = await sharp(path).metadata();
      expect([width, height]).toEqual([64, 48]);
      expect(exif?.toString('latin1')).toContain('Switchyard');
      expect(exif?.toString('latin1')).toContain(`scripted ${id} {unknown}`);
      const raw = await sharp(path).removeAlpha().raw().toBuffer();
      const at = (x: number, y: number) => [...raw.subarray((y * 64 + x) * 3, (y * 64 + x) * 3 + 3)];
      const [red = 0, green = 255] = at(60, 44);
      expect(red).toBeGreaterThan(200);
      expect(green).toBeLessThan(60);
      expect(at(4, 4)[1]).toBeGreaterThan(200);
    }
  });

  test('a picture that cannot be read fails the job by name', async () => {
    await bench.use(temporaryFolder(), [
      { plugin: 'picture-stamp', options: { metadata: { artist: 'x' }, max_pixels: 10 } },
    ]);
    const { connector } = bench.stack;
    const original = connector.processJob.bind(connector);
    connector.processJob = async (job, progress, context) => {
      const ref = await context.writeOutput(await picture('#fff').png().toBuffer(), { name: 'a.png' });
      return { ...(await original(job, progress, context)), artifacts: [ref] };
    };
    const { error } = await bench.run();
    connector.processJob = original;
    expect(error?.message).toContain(
      'The plugin "picture-stamp" failed in afterJobProcess: Input image exceeds pixel limit',
    );
    expect(bench.stack.connector.begun).toHaveLength(1);
  });
});

describe('cost recorder', () => {
  const lines = (folder: string) =>
    readFileSync(join(folder, 'costs.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('notes each attempt, and tells the job what it cost', async () => {
    const folder = temporaryFolder();
    const rates = { scripted: { per_job: 2, per_million_output_tokens: 10 }, 'scripted@heavy': { per_job: 99 } };
    await bench.use(folder, [{ plugin: 'cost-recorder', options: { currency: 'EUR', rates } }]);
    bench.stack.connector.script = async (_job, _progress, context) => {
      if (context.attempt === 1) throw new ConnectorError('backend_error', 'not yet');
      return { model: 'm-1', usage: { input_tokens: 5, output_tokens: 100_000 } };
    };
    const { id, outcome } = await bench.run({ text: 'never in the file' });
    const cost = { amount: 3, currency: 'EUR', source: 'rates' };
    expect(outcome?.result).toEqual({ model: 'm-1', usage: { input_tokens: 5, output_tokens: 100_000 }, cost });
    expect(lines(folder)).toMatchObject([
      { job_id: id, attempt: 1, outcome: 'failed', code: 'backend_error', cost: { amount: 0, currency: 'EUR' } },
      {
        job_id: id,
        service: 'scripted',
        connector: 'ScriptedConnector',
        pool: 'first',
        tenant: 'default',
        attempt: 2,
        outcome: 'completed',
        model: 'm-1',
        usage: { input_tokens: 5, output_tokens: 100_000, outputs: 0, seconds: expect.any(Number) },
        cost,
      },
    ]);
    expect(readFileSync(join(folder, 'costs.jsonl'), 'utf8')).not.toContain('never in the file');
  });

  test('what the connector says of its cost stands; a result without room for it stays as it is', async () => {
    const folder = temporaryFolder();
    await bench.use(folder, [{ plugin: 'cost-recorder', options: { rates: { '*': { per_job: 1 } } } }]);
    bench.stack.connector.script = async () => ({ cost: { amount: 0.5, currency: 'USD' } });
    expect((await bench.run()).outcome?.result).toMatchObject({ cost: { amount: 0.5, currency: 'USD' } });
    bench.stack.connector.script = async () => ['a', 'list'];
    expect((await bench.run()).outcome?.result).toEqual(['a', 'list']);
    expect(lines(folder).map(({ cost }) => cost)).toEqual([
      { amount: 0.5, currency: 'USD', source: 'connector' },
      { amount: 1, currency: 'USD', source: 'rates' },
    ]);
  });

  test('a file that cannot be written is an error before any work is done', async () => {
    const folder = temporaryFolder();
    await bench.use(folder, [{ plugin: 'cost-recorder', options: { file: 'plugins.json/costs.jsonl' } }]);
    const { error } = await bench.run();
    expect(error?.message).toContain('The plugin "cost-recorder" failed in initialize: ');
    expect(bench.stack.connector.begun).toEqual([]);
  });
});
