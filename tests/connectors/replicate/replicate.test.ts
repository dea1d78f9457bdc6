import { describe, expect, test } from '@jest/globals';
import { ReplicateConnector } from '../../../connectors/replicate/connector.ts';
import { progressInLogs } from '../../../connectors/replicate/log-progress.ts';
import { REPLICATE_ANSWERS, replicateError } from '../../doubles/replicate/answers.ts';
import { VERSION } from '../../doubles/replicate/models.ts';
import { ReplicateDouble } from '../../doubles/replicate/replicate-double.ts';
import { cancelled, HostedBench, pngDataUrl, shutdown } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => ReplicateDouble.start());
const connector = (config = {}) => bench.connector(ReplicateConnector, config);
const paint = { model: 'double/painter', input: { prompt: 'a boat' } };
const write = { model: 'double/writer', input: { prompt: 'hello out there' } };
const unchecked = { check_models: false };

describe('what runs', () => {
  test('a picture: fetched at once, with the facts of the prediction', async () => {
    const { outcome, reports } = bench.start(connector(), paint);
    const { result, artifacts, service_info } = await outcome;
    expect(artifacts).toEqual([expect.objectContaining({ name: 'out-0.png', mime: 'image/png' })]);
    expect(result).toEqual({
      output: [artifacts![0]!.uri],
      model: 'double/painter',
      version: 'hidden',
      prediction_id: service_info!.service_job_id,
      metrics: { predict_time: 2 },
      web_url: expect.stringMatching(/^https:\/\/replicate\.com\/p\//),
    });
    const values = reports.map((report) => report.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(reports.at(-1)).toMatchObject({ progress: 100 });
  });

  test.each([
    ['an official model by its name', 'double/painter', 'models/double/painter/predictions', undefined],
    ['another one by its latest version', 'double/community', 'predictions', VERSION],
    ['a named version', `double/community:${VERSION}`, 'predictions', VERSION],
    ['a bare version', VERSION, 'predictions', VERSION],
  ])('%s', async (_, model, path, version) => {
    await bench.start(connector(), { ...paint, model }).outcome;
    expect(bench.double.asked).toMatchObject([{ path, body: { input: { prompt: 'a boat' } } }]);
    expect(bench.double.asked[0]!.body['version']).toBe(version);
    // The id must be known before anything is waited for.
    expect(bench.double.asked[0]!.headers).not.toHaveProperty('prefer');
  });

  test('a deployment', async () => {
    const { result } = await bench.start(connector(), { deployment: 'double/deployed', input: paint.input }).outcome;
    expect(result).toMatchObject({ metrics: { predict_time: 2 } });
    expect(bench.double.asked[0]!.path).toBe('deployments/double/deployed/predictions');
  });

  test('the tokens of a language model, as they come', async () => {
    bench.state.pace.hold(3);
    const { outcome, live } = bench.start(connector(), write);
    await bench.until(() => expect(live.tokens.map((token) => token.text).join('')).toBe('You said: hello '));
    bench.state.pace.release();
    const { result } = await outcome;
    expect(result).toMatchObject({ text: 'You said: hello out there', metrics: { output_token_count: 4 } });
    expect(result).not.toHaveProperty('output');
    expect(live.tokens.map((token) => token.text).join('')).toBe('You said: hello out there');
  });

  test.each(['drop', 'end', 'garbage'] as const)('a stream that breaks off (%s) costs no token', async (kind) => {
    bench.state.pace.delayMs = 20;
    bench.state.faults.order('stream', { kind, after: 2 });
    const { outcome, live } = bench.start(connector(), write);
    expect((await outcome).result).toMatchObject({ text: 'You said: hello out there' });
    const heard: string[] = [];
    for (const { text, position } of live.tokens) {
      for (let index = 0; index < text.length; index++) heard[position + index] = text.charAt(index);
    }
    expect(heard.join('')).toBe('You said: hello out there');
    expect(bench.state.paid.predictions).toBe(1);
  });

  test('files of every kind in the output; a text with an address stays a text', async () => {
    const png = await pngDataUrl();
    bench.double.output = {
      picture: png,
      raw: {
        filename: 'depth.png',
        data: Buffer.concat([Buffer.from(png.split(',')[1] as string, 'base64'), Buffer.alloc(200)]).toString('base64'),
      },
      link: 'https://example.com/a.png',
      words: 'see https://replicate.delivery/x.png for it',
      score: 0.5,
    };
    const { result, artifacts } = await bench.start(connector(), paint).outcome;
    expect(artifacts!.map((ref) => [ref.name, ref.mime])).toEqual([
      ['output-1.png', 'image/png'],
      ['depth.png', 'image/png'],
    ]);
    expect(result).toMatchObject({
      output: {
        picture: artifacts![0]!.uri,
        raw: { filename: 'depth.png', data: artifacts![1]!.uri },
        link: 'https://example.com/a.png',
        words: 'see https://replicate.delivery/x.png for it',
        score: 0.5,
      },
    });
  });

  test('a large answer of numbers becomes an artifact', async () => {
    bench.double.output = Array.from({ length: 50_000 }, (_, index) => index / 7);
    const { result, artifacts } = await bench.start(connector(), paint).outcome;
    expect(result).toMatchObject({ output_truncated: true });
    expect(artifacts).toEqual([expect.objectContaining({ name: 'output.json', mime: 'application/json' })]);
  });

  test('what it cost, by time, tokens or runs', async () => {
    const prices = JSON.stringify({ models: { 'double/*': { second: 0.001, run: 0.01, output: 5 } } });
    const { result } = await bench.start(connector({ prices }), write).outcome;
    expect(result).toMatchObject({ cost: { amount: 2 * 0.001 + 0.01 + (4 * 5) / 1e6, currency: 'USD' } });
  });
});

describe('files in the input', () => {
  test('a small one goes along as a data URL, wherever it stands', async () => {
    const input = { prompt: 'file: the one on the table', deep: [{ image: 'file:examples/README.md' }] };
    await bench.start(connector(), { ...paint, input }).outcome;
    expect(bench.double.asked[0]!.body['input']).toMatchObject({
      prompt: 'file: the one on the table',
      deep: [{ image: expect.stringMatching(/^data:text\/\w+;base64,/) }],
    });
  });

  test('a large one is uploaded, and removed when the job is done', async () => {
    const input = { prompt: 'a boat', image: 'file:examples/harbour.png' };
    await bench.start(connector(), { ...paint, input }).outcome;
    const sent = bench.double.asked[0]!.body['input'] as { image: string };
    expect(sent.image).toMatch(/\/v1\/files\/\w+$/);
    expect(bench.state.uploads).toMatchObject([{ field: 'content', mime: 'image/png' }]);
    expect(bench.state.uploads[0]!.bytes.length).toBeGreaterThan(256 * 1_024);
    expect(bench.double.files.size).toBe(0);
  });
});

describe('refused or failed, in the words of the one table', () => {
  test("input is checked by the model's own schema before anything is sent", async () => {
    const input = { width: 'wide', scheduler: 'NONE', format: 'gif', image: null };
    await expect(bench.start(connector(), { ...paint, input }).outcome).rejects.toMatchObject({
      code: 'validation',
      errors: [
        expect.objectContaining({ pointer: '/payload/input/prompt', detail: 'is missing' }),
        expect.objectContaining({ pointer: '/payload/input/width', detail: 'must be of type number, not string' }),
        expect.objectContaining({ pointer: '/payload/input/scheduler' }),
        expect.objectContaining({ pointer: '/payload/input/format' }),
      ],
    });
    expect(bench.state.ledger.arrivals).toHaveLength(0);
  });

  test('an address inside the network, unless the operator lets it through', async () => {
    const input = { prompt: 'a boat', image: 'http://169.254.169.254/latest' };
    await expect(bench.start(connector(), { ...paint, input }).outcome).rejects.toMatchObject({
      code: 'permission',
      errors: [expect.objectContaining({ pointer: '/payload/input/image' })],
    });
    expect(bench.state.ledger.arrivals).toHaveLength(0);
    const open = connector({ allow_private_urls: true });
    expect((await bench.start(open, { ...paint, input }).outcome).status).toBe('completed');
  });

  test.each([
    [
      'lines',
      REPLICATE_ANSWERS.badInput('- input.width: Must be less than or equal to 1024\n'),
      '/payload/input/width',
    ],
    ['a missing field', REPLICATE_ANSWERS.badInput('- input: prompt is required\n'), '/payload/input/prompt'],
    [
      'a list',
      REPLICATE_ANSWERS.badInput('no', [{ field: 'input.width', description: 'too wide' }]),
      '/payload/input/width',
    ],
    [
      'places',
      REPLICATE_ANSWERS.badInput([{ loc: ['body', 'input', 'width'], msg: 'too wide' }]),
      '/payload/input/width',
    ],
    ['a sentence', REPLICATE_ANSWERS.badInput('not like this'), '/payload/input'],
  ])('422 with %s names the place', async (_, fault, pointer) => {
    bench.state.faults.order('predictions', fault);
    await expect(bench.start(connector(unchecked), paint).outcome).rejects.toMatchObject({
      code: 'validation',
      errors: [expect.objectContaining({ pointer })],
    });
  });

  test.each([
    ['a version that is not there', REPLICATE_ANSWERS.badVersion(), 'missing_model'],
    ['no credit', REPLICATE_ANSWERS.noCredit(), 'quota_exceeded'],
    ['403', replicateError(403, 'no'), 'permission'],
    [
      'a proxy page',
      { ...replicateError(502, ''), body: '<html><title>502 Bad Gateway</title></html>' },
      'backend_error',
    ],
  ])('%s', async (_, fault, code) => {
    bench.state.faults.order('predictions', fault);
    await expect(bench.start(connector(unchecked), paint).outcome).rejects.toMatchObject({ code });
  });

  test.each([
    ['CUDA out of memory. Tried to allocate 2 GiB', 'out_of_memory'],
    ['Model ran out of resources (E1001)', 'out_of_memory'],
    ['The input or output was flagged as sensitive. Please try again. (E005)', 'content_policy'],
    ['NSFW content detected.', 'content_policy'],
    ['Timeout starting prediction (E6716)', 'timeout'],
    ['Prediction interrupted; please retry (code: PA)', 'backend_error'],
  ])('it fails with "%s"', async (error, code) => {
    bench.state.faults.order('predictions', {
      kind: 'failed',
      after: 1,
      error: error as unknown as Record<string, unknown>,
    });
    await expect(bench.start(connector(), paint).outcome).rejects.toMatchObject({
      code,
      message: expect.stringContaining(error.slice(0, 20)),
    });
  });

  test('the token is refused: told when the worker starts', async () => {
    await expect(connector({ api_key: 'r8_wrong' }).initialize()).rejects.toMatchObject({ code: 'authentication' });
    const away = connector({ api_key: '', base_url: 'https://api.replicate.com/v1' });
    await expect(away.initialize()).rejects.toThrow('REPLICATE_API_TOKEN is not set');
  });

  test('429 without Retry-After waits as long as the sentence says', async () => {
    const fault = REPLICATE_ANSWERS.rateLimited('30');
    delete fault.headers?.['retry-after'];
    bench.state.faults.order('predictions', fault);
    await expect(bench.start(connector(unchecked), paint).outcome).rejects.toMatchObject({
      code: 'rate_limited',
      retry_after_ms: 30_000,
    });
  });

  test("a model outside the operator's list", async () => {
    const subject = connector({ models: 'double/writer' });
    await expect(bench.start(subject, paint).outcome).rejects.toMatchObject({ code: 'permission' });
    await bench.start(subject, write).outcome;
  });
});

describe('never paid twice', () => {
  test.each(['reset', 'hang', 'malformed'] as const)(
    'the answer to the submission is lost (%s): final',
    async (kind) => {
      bench.state.faults.order('predictions', { kind });
      const subject = connector({ timeout_seconds: 0.5 });
      const { outcome, context } = bench.start(subject, paint);
      await expect(outcome).rejects.toMatchObject({
        retryable: false,
        message: expect.stringMatching(/not sent again.*a run of double\/painter.*"if_lost": "repeat"/),
      });
      await expect(bench.start(subject, paint, bench.inherited(context)).outcome).rejects.toMatchObject({
        retryable: false,
      });
      expect(bench.state.paid.predictions).toBe(1);
    },
  );

  test('a failed one is followed by another, but never by two', async () => {
    bench.state.faults.order('predictions', { kind: 'failed' });
    bench.state.faults.order('predictions', { kind: 'reset' });
    const subject = connector();
    const first = bench.start(subject, paint);
    await expect(first.outcome).rejects.toMatchObject({ code: 'backend_error' });
    const second = bench.start(subject, paint, bench.inherited(first.context));
    await expect(second.outcome).rejects.toMatchObject({ retryable: false });
    // As if that attempt had died: only the id of the first is tracked.
    const third = bench.start(subject, paint, {
      attempt: 3,
      serviceJobId: first.context.tracked.at(-1)!.serviceJobId,
      checkpoint: second.context.checkpoints.at(-1),
    });
    await expect(third.outcome).rejects.toMatchObject({ retryable: false });
    expect(bench.state.paid.predictions).toBe(2);
  });

  test('the next attempt goes on watching, and collects what has ended', async () => {
    bench.state.stages.hold('running');
    const subject = connector();
    const first = bench.start(subject, paint);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    first.context.abort(shutdown());
    await expect(first.outcome).rejects.toThrow('WORKER_SHUTDOWN');
    expect([...bench.double.runs.values()][0]!.status).toBe('running');
    bench.state.stages.release();
    const { result } = await bench.start(subject, paint, bench.inherited(first.context)).outcome;
    expect(result).toMatchObject({ reattached: true });
    expect(bench.state.paid.predictions).toBe(1);
    // The model is not looked up for a prediction that exists.
    expect(bench.state.seen('GET', 'models')).toHaveLength(1);
  });

  test.each([
    ['removed', (id: string) => bench.double.removed.add(id), 'an hour'],
    ['forgotten', (id: string) => bench.double.runs.delete(id), 'not known there any more'],
  ])('what is %s meanwhile is lost, and not made again unasked', async (_, spoil, words) => {
    const subject = connector();
    const first = bench.start(subject, paint);
    await first.outcome;
    const inherited = bench.inherited(first.context);
    spoil(inherited.serviceJobId as string);
    await expect(bench.start(subject, paint, inherited).outcome).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining(words),
    });
    expect(bench.state.paid.predictions).toBe(1);
    await bench.start(subject, { ...paint, if_lost: 'repeat' }, inherited).outcome;
    expect(bench.state.paid.predictions).toBe(2);
  });
});

describe('cancel and deadline', () => {
  test('a cancel is repeated until it has taken, and hits only this job', async () => {
    bench.state.stages.hold('running');
    const subject = connector();
    const called = (marker: string) => ({ ...paint, input: { prompt: `a boat called marker-${marker}` } });
    const other = bench.start(subject, called('other'), { jobId: 'other' });
    const { outcome, context } = bench.start(subject, called('this'));
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(2));
    bench.state.faults.order('POST predictions', REPLICATE_ANSWERS.serverError(503));
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow('CANCELLED');
    const states = [...bench.double.runs.values()].map((run) => [run.marker, run.status]);
    expect(Object.fromEntries(states)).toEqual({ 'marker-this': 'cancelled', 'marker-other': 'running' });
    bench.state.stages.release();
    await other.outcome;
  });

  test('a deadline goes along, and ends the job as timeout', async () => {
    const { outcome } = bench.start(connector(), { ...paint, cancel_after: '90s' });
    await outcome;
    expect(bench.double.asked[0]!.headers['cancel-after']).toBe('90s');
    bench.state.stages.hold('running');
    const late = bench.start(connector({ cancel_after: '5s' }), paint);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    const run = [...bench.double.runs.values()].at(-1)!;
    run.cancel();
    run.endedAt = run.startedAt + 6_000;
    await expect(late.outcome).rejects.toMatchObject({ code: 'timeout' });
  });

  test('one that somebody else has cancelled', async () => {
    bench.state.stages.hold('running');
    const { outcome } = bench.start(connector(), paint);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    [...bench.double.runs.values()][0]!.cancel();
    await expect(outcome).rejects.toMatchObject({
      code: 'backend_error',
      retryable: false,
      message: expect.stringContaining('not by this job'),
    });
  });

  test('with tokens of several accounts: cancelled, watched and asked for with the right one', async () => {
    bench.state.keys.add('sk-second');
    const subject = connector({ api_keys: 'sk-second' });
    for (const marker of ['marker-1', 'marker-2', 'marker-3', 'marker-4']) {
      bench.state.stages.hold('running');
      const { outcome, context } = bench.start(subject, { ...paint, input: { prompt: marker } }, { jobId: marker });
      await bench.until(() => expect(bench.state.stages.heldAt('running')).toEqual([marker]));
      // The service runs before its answer is here.
      await bench.until(() => expect(context.tracked).toHaveLength(1));
      const [tracked] = context.tracked;
      expect(await subject.queryJobStatus(tracked!.serviceJobId)).toMatchObject({ status: 'running' });
      context.abort(cancelled());
      await expect(outcome).rejects.toThrow('CANCELLED');
      expect(bench.double.runs.get(tracked!.serviceJobId)!.status).toBe('cancelled');
    }
  });

  test('queryJobStatus', async () => {
    const subject = connector();
    const { service_info } = await bench.start(subject, paint).outcome;
    const id = service_info!.service_job_id!;
    expect(await subject.queryJobStatus(id)).toEqual({
      serviceJobId: id,
      status: 'completed',
      canReconnect: true,
      canCancel: false,
    });
    expect(await subject.queryJobStatus('nothing')).toMatchObject({ status: 'unknown', canReconnect: false });
  });
});

test('the token never shows', async () => {
  const key = 'r8_very-secret-token';
  bench.state.keys.add(key);
  bench.state.faults.order('predictions', replicateError(403, `token ${key} is not allowed`));
  const { outcome } = bench.start(connector({ ...unchecked, api_key: key }), paint);
  await expect(outcome).rejects.toMatchObject({ message: expect.not.stringContaining('very-secret') });
});

test.each([
  ['', undefined],
  ['Using seed: 1\nloading', undefined],
  [
    '\r  0%|          | 0/50 [00:00<?, ?it/s]\r 42%|████▏     | 21/50 [00:03<00:04]',
    { percent: 42, step: 21, total: 50 },
  ],
  ['100%|█| 4/4 [00:01<00:00]\n 10%|█         | 1/10 [00:00<00:01]', { percent: 10, step: 1, total: 10 }],
])('progress in the log %j', (log, expected) => {
  expect(progressInLogs(log)).toEqual(expected);
});
