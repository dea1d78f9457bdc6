import { afterEach, describe, expect, test } from '@jest/globals';
import { ComfyUIV2Connector } from '../../../connectors/comfyui/connector.ts';
import type { ConnectorConfig } from '../../../connectors/contract/connector.ts';
import { ComfyDouble } from '../../doubles/comfyui/comfy-double.ts';
import { png } from '../../doubles/comfyui/media.ts';
import { V2Double, type V2DoubleOptions } from '../../doubles/comfyui/v2-double.ts';
import { eventually } from '../harness.ts';
import { cancelled, ComfyBench, graphWith, heldGraph, QUICK } from './comfy-bench.ts';

const fronts: V2Double[] = [];

afterEach(async () => {
  for (const front of fronts.splice(0)) await front.stop();
});

async function bench(options: V2DoubleOptions = {}, config: Partial<ConnectorConfig> = {}) {
  const double = await ComfyDouble.start();
  const front = await V2Double.start(double.url, options);
  fronts.push(front);
  const connector = new ComfyUIV2Connector('v2', { base_url: front.url, ...QUICK, ...config });
  const made = new ComfyBench(double, connector);
  return { front, double, connector, attempt: made.attempt.bind(made) };
}

describe('Comfy API v2', () => {
  test('runs a graph with an upload, tells steps, shows previews and brings the files home', async () => {
    const { attempt, front, double } = await bench();
    const picture = await png(12, 8, 0x336699);
    const { result, progress, previews, context } = attempt(
      {
        workflow: {
          '1': { class_type: 'LoadImage', inputs: { image: 'artifact:inputs/one' } },
          '2': { class_type: 'Steps', inputs: { image: ['1', 0], steps: 4, ms: 20, previews: true } },
          '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'first' } },
        },
      },
      { inputs: { 'artifact:inputs/one': picture } },
    );
    const done = await result;
    expect(done.artifacts).toMatchObject([
      { name: 'first_00001_.png', mime: 'image/png', meta: { node_id: '3', kind: 'image' } },
    ]);
    const [submission] = double.ledger.submissions;
    expect(done.result).toMatchObject({ prompt_id: submission!.promptId, submissions: 1, reattached: false });
    expect(context.tracked).toMatchObject([{ serviceJobId: submission!.promptId }]);
    expect(double.ledger.uploads).toHaveLength(1);
    expect(front.streams).toBe(1);
    expect(previews.length).toBeGreaterThan(0);
    expect(progress.some(({ message }) => /step \d of 4/.test(message ?? ''))).toBe(true);
    const values = progress.map((update) => update.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  test.each(['absent', 'full'] as const)('by asking alone where streams are %s', async (streams) => {
    const { attempt } = await bench({ streams });
    expect((await attempt({ workflow: graphWith() }).result).artifacts).toHaveLength(1);
  });

  test('a token is shown, and a wrong one is told as such', async () => {
    const { attempt, front, connector } = await bench({ token: 'good-token' }, { api_key: 'good-token' });
    expect((await attempt({ workflow: graphWith() }).result).artifacts).toHaveLength(1);
    expect(await connector.checkHealth()).toBe(true);
    const other = new ComfyUIV2Connector('other', { ...QUICK, base_url: front.url, api_key: 'bad-token' });
    await expect(other.initialize()).rejects.toMatchObject({ code: 'authentication' });
    await other.cleanup();
  });

  const refused: [string, Record<string, unknown>, string, string][] = [
    [
      'a node that is not installed',
      graphWith({ '5': { class_type: 'NoSuchNode', inputs: { image: ['1', 0] } } }),
      'missing_node',
      '/payload/workflow/5',
    ],
    [
      'a size that cannot be',
      { ...graphWith(), '1': { class_type: 'EmptyImage', inputs: { width: 0, height: 8, batch_size: 1, color: 0 } } },
      'validation',
      '/payload/workflow/1/inputs/width',
    ],
    [
      'a model that is not there',
      {
        '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'no.safetensors' } },
        '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
        '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
        '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
      },
      'missing_model',
      '/payload/workflow/1/inputs/ckpt_name',
    ],
    [
      'an address inside the network',
      graphWith({ '5': { class_type: 'Hold', inputs: { image: ['1', 0], name: 'http://10.0.0.1/x' } } }),
      'permission',
      '/payload/workflow/5/inputs/name',
    ],
  ];
  test.each(refused)('%s: refused, and the place is named', async (_, workflow, code, pointer) => {
    const { attempt, double } = await bench();
    await expect(attempt({ workflow }).result).rejects.toMatchObject({ code, errors: [{ pointer }] });
    expect(double.submissionsOf()).toBe(0);
  });

  test('a node that fails, and the next attempt runs it anew under another key', async () => {
    const { attempt, front } = await bench();
    const fail = {
      class_type: 'Fail',
      inputs: { image: ['1', 0], exception_type: 'X', message: 'CUDA out of memory' },
    };
    const workflow = graphWith({ '5': fail });
    const first = attempt({ workflow });
    await expect(first.result).rejects.toMatchObject({
      code: 'out_of_memory',
      errors: [{ pointer: '/payload/workflow/5' }],
    });
    const serviceJobId = first.context.tracked[0]!.serviceJobId;
    const checkpoint = first.context.checkpoints.at(-1);
    const second = attempt({ workflow }, { attempt: 2, serviceJobId, checkpoint });
    await expect(second.result).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(second.context.tracked[0]!.serviceJobId).not.toBe(serviceJobId);
    expect(front.reused).toBe(0);
  });

  test('killed before it knew the id: found again by its key, or not run a second time', async () => {
    const listing = await bench();
    const lost = listing.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(listing.double.isHolding('gate')).toBe(true));
    lost.context.abort(Object.assign(new Error('WORKER_SHUTDOWN'), { name: 'CancelledFailure' }));
    await expect(lost.result).rejects.toThrow('WORKER_SHUTDOWN');
    const again = listing.attempt({ workflow: heldGraph('gate') }, { attempt: 2 });
    await eventually(() => expect(again.context.tracked).toHaveLength(1));
    listing.double.release('gate');
    expect((await again.result).artifacts).toHaveLength(1);
    expect(listing.double.submissionsOf()).toBe(1);

    const mute = await bench({ lists: false });
    await mute.attempt({ workflow: graphWith() }).result;
    await expect(mute.attempt({ workflow: graphWith() }, { attempt: 2 }).result).rejects.toMatchObject({
      code: 'backend_error',
      retryable: false,
      message: expect.stringMatching(/not run a second time/),
    });
    expect(mute.double.submissionsOf()).toBe(1);
  });

  test('ComfyUI behind it is restarted: submitted again, and said so', async () => {
    const { attempt, double } = await bench({}, { outage_seconds: 20 });
    const { result } = attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    await double.restart();
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.release('gate');
    expect((await result).result).toMatchObject({
      submissions: 2,
      notes: ['Comfy API has lost the job: submitted again'],
    });
  });

  test('a cancel takes the job out of the queue, or stops it; one by somebody else fails the attempt', async () => {
    const { attempt, double, connector } = await bench();
    const running = attempt({ workflow: heldGraph('gate') }, { jobId: 'running' });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    const waiting = attempt({ workflow: graphWith() }, { jobId: 'waiting' });
    await eventually(() => expect(double.worker.pending).toHaveLength(1));
    waiting.context.abort(cancelled());
    await expect(waiting.result).rejects.toThrow('CANCELLED');
    expect(double.worker.pending).toHaveLength(0);
    double.worker.interrupt();
    await expect(running.result).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringMatching(/somebody else/),
    });
    const [{ serviceJobId }] = running.context.tracked as [{ serviceJobId: string }];
    expect(await connector.queryJobStatus(serviceJobId)).toMatchObject({ status: 'cancelled' });
    expect(await connector.queryJobStatus('nobody')).toMatchObject({ status: 'unknown' });
  });

  test('a server of the classic kind is told apart', async () => {
    const double = await ComfyDouble.start();
    const connector = new ComfyUIV2Connector('v2', { base_url: double.url, ...QUICK });
    await expect(connector.initialize()).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringMatching(/does not speak Comfy API v2/),
    });
    await connector.cleanup();
    await double.stop();
  });
});

const real = process.env['COMFYUI_V2_URL'];

(real ? describe : describe.skip)('a real Comfy API v2 (COMFYUI_V2_URL)', () => {
  const connect = () =>
    new ComfyBench(
      { url: real, stop: async () => {} } as unknown as ComfyDouble,
      new ComfyUIV2Connector('real', { base_url: real, ...QUICK }),
    );
  const color = () => Math.floor(Math.random() * 0xffffff);
  const jobId = (name: string) => `${name}-${process.pid}-${Date.now()}`;

  test('runs a graph with an upload and brings pictures, video and audio home', async () => {
    const picture = await png(40, 30, color());
    const { result, progress } = connect().attempt(
      {
        workflow: {
          '1': { class_type: 'LoadImage', inputs: { image: 'artifact:inputs/one' } },
          '2': { class_type: 'RepeatImageBatch', inputs: { image: ['1', 0], amount: 8 } },
          '3': { class_type: 'CreateVideo', inputs: { images: ['2', 0], fps: 8 } },
          '4': {
            class_type: 'SaveVideo',
            inputs: { video: ['3', 0], filename_prefix: 'out/v', format: 'mp4', codec: 'h264' },
          },
          '5': { class_type: 'EmptyAudio', inputs: { duration: 0.5, sample_rate: 44_100, channels: 1 } },
          '6': { class_type: 'SaveAudio', inputs: { audio: ['5', 0], filename_prefix: 'out/a' } },
          '8': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'out/p' } },
        },
      },
      { jobId: jobId('kinds'), inputs: { 'artifact:inputs/one': picture } },
    );
    expect((await result).artifacts!.map(({ mime }) => mime).toSorted()).toEqual([
      'audio/flac',
      'image/png',
      'video/mp4',
    ]);
    const values = progress.map((update) => update.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  test('tells what is wrong with a graph, and finds its job again by the key', async () => {
    const own = connect();
    const graph = () => ({
      ...graphWith(),
      '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: color() } },
    });
    const broken = { ...graph(), '5': { class_type: 'NoSuchNode', inputs: {} } };
    await expect(own.attempt({ workflow: broken }, { jobId: jobId('node') }).result).rejects.toMatchObject({
      code: 'missing_node',
      errors: [{ pointer: '/payload/workflow/5' }],
    });
    const id = jobId('again');
    const workflow = graph();
    const first = await own.attempt({ workflow }, { jobId: id }).result;
    const second = await own.attempt({ workflow }, { jobId: id, attempt: 2 }).result;
    expect(second.service_info!.service_job_id).toBe(first.service_info!.service_job_id);
  });
});
