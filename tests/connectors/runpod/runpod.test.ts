import { describe, expect, test } from '@jest/globals';
import { RunPodConnector } from '../../../connectors/runpod/connector.ts';
import { pieceText } from '../../../connectors/runpod/piece-text.ts';
import { readProgress } from '../../../connectors/runpod/run-progress.ts';
import { RunPodDouble, runpodError, RUNPOD_ANSWERS, samplePicture } from '../../doubles/runpod/runpod-double.ts';
import { cancelled, HostedBench, shutdown } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => RunPodDouble.start());
const connector = (config = {}) => bench.connector(RunPodConnector, { endpoint_id: 'abc123double', ...config });
const paint = { input: { prompt: 'a boat' } };
const sent = () => bench.state.seen('POST', 'abc123double/run').map((request) => request.body);

describe('what runs', () => {
  test('a picture in a bucket: fetched at once, with the times', async () => {
    const { outcome, reports } = bench.start(connector(), paint);
    const { result, artifacts, service_info } = await outcome;
    expect(artifacts).toEqual([expect.objectContaining({ name: 'ComfyUI_00001_.png', mime: 'image/png' })]);
    expect(result).toEqual({
      output: { images: [{ filename: 'ComfyUI_00001_.png', type: 's3_url', data: artifacts![0]!.uri }] },
      endpoint: 'abc123double',
      runpod_job_id: expect.stringMatching(/-u1$/),
      delay_ms: 5,
      execution_ms: 2_000,
    });
    expect(service_info!.service_job_id).toMatch(/^abc123double\//);
    expect(reports.at(-1)).toMatchObject({ progress: 100 });
    expect(sent()).toEqual([{ input: { prompt: 'a boat' } }]);
  });

  test('base64 pictures, as the ComfyUI worker gives them now and gave them before', async () => {
    const data = Buffer.concat([await samplePicture(), Buffer.alloc(300)]).toString('base64');
    bench.double.handler = { output: { images: [{ filename: 'a.png', type: 'base64', data }] } };
    const now = await bench.start(connector(), paint).outcome;
    expect(now.artifacts).toEqual([expect.objectContaining({ name: 'a.png', mime: 'image/png' })]);
    bench.double.handler = { output: { status: 'success', message: data } };
    const before = await bench.start(connector(), paint).outcome;
    expect(before.artifacts).toEqual([expect.objectContaining({ name: 'output-1.png', mime: 'image/png' })]);
    const asItIs = await bench.start(connector(), { ...paint, collect_files: false }).outcome;
    expect(asItIs.result).toMatchObject({ output: { message: data } });
  });

  test.each([
    ['a text', 'hello', { text: 'hello' }],
    ['numbers', { score: 1 }, { output: { score: 1 } }],
    ['nothing', null, { output: null }],
    [
      'an address that is no file',
      { link: 'https://example.com/page' },
      { output: { link: 'https://example.com/page' } },
    ],
  ])('%s', async (_, output, expected) => {
    bench.double.handler = { output };
    if (output === null) bench.double.handler = { yields: [] };
    const { result } = await bench.start(connector(), paint).outcome;
    expect(result).toMatchObject(output === null ? { output: [] } : expected);
  });

  test('an address inside the network is refused, in lists too', async () => {
    const payload = { ...paint, input: { pictures: ['https://example.com/a.png', 'http://localhost:9000/a.png'] } };
    await expect(bench.start(connector(), payload).outcome).rejects.toMatchObject({
      code: 'permission',
      errors: [expect.objectContaining({ pointer: '/payload/input/pictures/1' })],
    });
    expect(sent()).toEqual([]);
  });

  test('policy and files', async () => {
    const payload = {
      endpoint: 'abc123double',
      input: { images: [{ name: 'x', image: 'file:examples/harbour.png' }] },
      file_encoding: 'base64',
      execution_timeout: '10m',
      ttl: '1h',
      low_priority: true,
      extra_body: { s3Config: { bucketName: 'b' } },
    };
    await bench.start(connector(), payload).outcome;
    expect(sent()[0]).toEqual({
      input: { images: [{ name: 'x', image: expect.stringMatching(/^iVBORw0KGgo/) }] },
      policy: { executionTimeout: 600_000, ttl: 3_600_000, lowPriority: true },
      s3Config: { bucketName: 'b' },
    });
  });

  test('what it cost, by time', async () => {
    const prices = JSON.stringify({ models: { abc123double: { second: 0.0005 } } });
    expect((await bench.start(connector({ prices }), paint).outcome).result).toMatchObject({
      cost: { amount: 0.001, currency: 'USD' },
    });
  });

  test('what a handler says of its progress', async () => {
    bench.state.pace.delayMs = 30;
    bench.double.saysRunning = true;
    bench.double.handler = {
      output: 'done',
      progress: (step, total) => ({ progress: step / total, stage: 'denoise' }),
    };
    const { outcome, reports } = bench.start(connector(), paint);
    await outcome;
    expect(reports).toContainEqual(expect.objectContaining({ message: 'denoise' }));
    const values = reports.map((report) => report.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.some((value) => value > 20 && value < 100)).toBe(true);
  });
});

describe('handlers that yield', () => {
  const yields = ['The ', 'sky ', 'is ', 'blue', '.'].map((token) => ({ choices: [{ tokens: [token] }] }));
  const stream = { ...paint, stream: true };

  test.each([false, true])('tokens as they come; the handler collects them: %s', async (aggregates) => {
    bench.double.handler = { yields, aggregates };
    bench.state.pace.hold(2);
    const { outcome, live } = bench.start(connector(), stream);
    await bench.until(() => expect(live.tokens.map((token) => token.text).join('')).toBe('The sky '));
    bench.state.pace.release();
    expect((await outcome).result).toMatchObject({ text: 'The sky is blue.' });
    expect(live.tokens.map((token) => token.text).join('')).toBe('The sky is blue.');
  });

  test('pieces that are no text', async () => {
    bench.double.handler = { yields: [{ frame: 1 }, { frame: 2 }] };
    expect((await bench.start(connector(), stream).outcome).result).toMatchObject({
      output: [{ frame: 1 }, { frame: 2 }],
    });
  });

  test.each([
    [true, { result: { text: 'The sky is blue.', reattached: true } }],
    [false, undefined],
  ])('pieces that a dead worker has read; the handler collects them: %s', async (aggregates, expected) => {
    bench.double.handler = { yields, aggregates };
    bench.state.pace.hold(2);
    const subject = connector();
    const first = bench.start(subject, stream);
    await bench.until(() => expect(first.live.tokens).toHaveLength(2));
    first.context.abort(shutdown());
    await expect(first.outcome).rejects.toThrow('WORKER_SHUTDOWN');
    bench.state.pace.release();
    const second = bench.start(subject, stream, bench.inherited(first.context)).outcome;
    if (expected) expect(await second).toMatchObject(expected);
    else
      await expect(second).rejects.toMatchObject({
        retryable: false,
        message: expect.stringContaining('return_aggregate_stream'),
      });
    expect(bench.state.paid.runs).toBe(1);
  });

  test.each([
    ['hello', 'hello'],
    [{ text: ['a', 'b'] }, 'ab'],
    [{ token: 'x' }, 'x'],
    [{ choices: [{ delta: { content: 'y' } }] }, 'y'],
    [{ choices: [{ delta: {}, finish_reason: 'stop' }] }, ''],
    ['data: {"choices":[{"delta":{"content":"z"}}]}\n\ndata: [DONE]\n\n', 'z'],
    [{ frame: 1 }, undefined],
    [7, undefined],
  ])('the text in %j', (piece, text) => {
    expect(pieceText(piece)).toBe(text);
  });
});

describe('refused or failed, in the words of the one table', () => {
  test.each([
    [runpodError(401, ''), 'authentication'],
    [runpodError(400, 'bad input'), 'validation'],
    [runpodError(404, 'endpoint not found'), 'not_found'],
    [runpodError(429, ''), 'rate_limited'],
    [RUNPOD_ANSWERS.serverError(500), 'backend_error'],
  ])('%j', async (fault, code) => {
    bench.state.faults.order('run', fault);
    const { outcome } = bench.start(connector({ check_models: false }), paint);
    await expect(outcome).rejects.toMatchObject({ code });
  });

  test.each([
    ['a sentence', 'the model is broken', 'backend_error', 'the model is broken'],
    [
      'an exception',
      JSON.stringify({
        error_type: "<class 'torch.cuda.OutOfMemoryError'>",
        error_message: 'CUDA out of memory.',
        error_traceback: 'Traceback (most recent call last): secrets',
      }),
      'out_of_memory',
      'torch.cuda.OutOfMemoryError: CUDA out of memory.',
    ],
  ])('a handler that fails with %s', async (_, error, code, words) => {
    bench.state.faults.order('run', { kind: 'failed', after: 1, error: error as unknown as Record<string, unknown> });
    const { outcome } = bench.start(connector(), paint);
    await expect(outcome).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(outcome).rejects.toMatchObject({ message: expect.not.stringContaining('Traceback') });
  });

  test('a job that runs into its time limit', async () => {
    bench.state.stages.hold('running');
    const { outcome } = bench.start(connector(), paint);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    const run = [...bench.double.runs.values()][0]!;
    bench.double.late.add(run.id);
    run.fail(undefined);
    await expect(outcome).rejects.toMatchObject({ code: 'timeout' });
  });

  test('a request that is too large is not sent', async () => {
    const { outcome } = bench.start(connector(), { input: { prompt: 'x'.repeat(10_000_001) } });
    await expect(outcome).rejects.toMatchObject({
      code: 'payload_too_large',
      errors: [expect.objectContaining({ pointer: '/payload/input' })],
    });
    expect(bench.state.ledger.arrivals).toHaveLength(0);
  });

  test("no endpoint, and one outside the operator's list", async () => {
    const none = bench.start(connector({ endpoint_id: '' }), paint).outcome;
    await expect(none).rejects.toMatchObject({ message: expect.stringContaining('RUNPOD_ENDPOINT_ID') });
    const other = bench.start(connector({ models: 'abc123double' }), { ...paint, endpoint: 'vllmdouble' }).outcome;
    await expect(other).rejects.toMatchObject({
      code: 'permission',
      errors: [
        { pointer: '/payload/endpoint', detail: expect.anything(), hint: expect.stringContaining('RUNPOD_ENDPOINTS') },
      ],
    });
  });
});

describe('never run twice', () => {
  test.each(['reset', 'hang', 'malformed'] as const)(
    'the answer to the submission is lost (%s): final',
    async (kind) => {
      bench.state.faults.order('run', { kind });
      const subject = connector({ timeout_seconds: 0.5 });
      const { outcome, context } = bench.start(subject, paint);
      await expect(outcome).rejects.toMatchObject({
        retryable: false,
        message: expect.stringMatching(/not sent again.*a run on the endpoint abc123double/),
      });
      await expect(bench.start(subject, paint, bench.inherited(context)).outcome).rejects.toMatchObject({
        retryable: false,
      });
      expect(bench.state.paid.runs).toBe(1);
    },
  );

  test('a store that lags behind is believed the third time only', async () => {
    bench.double.lagging = 2;
    await bench.start(connector(), paint).outcome;
    expect(bench.state.paid.runs).toBe(1);
  });

  test('a job that is forgotten (ttl, or half an hour after its end) is lost', async () => {
    const subject = connector();
    const first = bench.start(subject, paint);
    await first.outcome;
    bench.double.runs.clear();
    const again = bench.start(subject, paint, bench.inherited(first.context)).outcome;
    await expect(again).rejects.toMatchObject({ retryable: false, message: expect.stringContaining('ttl') });
    expect(bench.state.paid.runs).toBe(1);
  });
});

test('a cancel hits only this job, on its endpoint', async () => {
  bench.state.stages.hold('running');
  const subject = connector();
  const called = (marker: string) => ({ input: { prompt: `a boat called marker-${marker}` } });
  const other = bench.start(subject, called('other'), { jobId: 'other' });
  const { outcome, context } = bench.start(subject, { ...called('this'), endpoint: 'vllmdouble' });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(2));
  context.abort(cancelled());
  await expect(outcome).rejects.toThrow('CANCELLED');
  const states = [...bench.double.runs.values()].map((run) => [run.marker, run.status]);
  expect(Object.fromEntries(states)).toEqual({ 'marker-this': 'cancelled', 'marker-other': 'running' });
  bench.state.stages.release();
  await other.outcome;
});

test('what is known of the service', async () => {
  const subject = connector();
  const { service_info } = await bench.start(subject, paint).outcome;
  expect(await subject.getServiceInfo()).toMatchObject({
    status: 'online',
    queue_info: { pending_jobs: 2, active_jobs: 1 },
  });
  const id = service_info!.service_job_id!;
  expect(await subject.queryJobStatus(id)).toMatchObject({ status: 'completed', canReconnect: true });
  expect(await subject.queryJobStatus('abc123double/nothing')).toMatchObject({ status: 'unknown' });
});

test.each([
  [40, { percent: 40 }],
  [0.4, { percent: 40 }],
  ['40%', { percent: 40 }],
  ['step 4/10', { percent: 40, step: 4, total: 10 }],
  ['loading', { percent: undefined, message: 'loading' }],
  [
    { progress: '40 %', message: 'denoise' },
    { percent: 40, message: 'denoise' },
  ],
  [
    { step: 4, total: 10 },
    { percent: 40, step: 4, total: 10 },
  ],
  [{ anything: 1 }, undefined],
  [[1], undefined],
  [undefined, undefined],
])('progress in %j', (said, expected) => {
  const read = readProgress(said);
  if (expected === undefined) expect(read).toBeUndefined();
  else expect(read).toMatchObject(expected);
});
