import { describe, expect, test } from '@jest/globals';
import { ComfyUIConnector, ComfyUIWebSocketConnector } from '../../../connectors/comfyui/connector.ts';
import type { ConnectorConfig } from '../../../connectors/contract/connector.ts';
import { png } from '../../doubles/comfyui/media.ts';
import { ComfyBench, cancelled, QUICK, workerShutdown } from './comfy-bench.ts';
import type { ComfyDouble } from '../../doubles/comfyui/comfy-double.ts';
import { eventually } from '../harness.ts';

const url = process.env['COMFYUI_URL'];
const reason = url ? '' : ' (skipped: COMFYUI_URL does not name a server)';

/** The bench stops its double; a real server stays. */
const noDouble = { url, stop: async () => {} } as unknown as ComfyDouble;

function bench(
  Class: typeof ComfyUIConnector | typeof ComfyUIWebSocketConnector = ComfyUIWebSocketConnector,
  config: Partial<ConnectorConfig> = {},
) {
  return new ComfyBench(noDouble, new Class('real', { base_url: url, ...QUICK, ...config }));
}

/** Nodes that need no weights; the name of a job must be new each time, for the server remembers. */
const jobId = (name: string) => `${name}-${process.pid}-${Date.now()}`;
const color = () => Math.floor(Math.random() * 0xffffff);

const graph = () => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 256, height: 192, batch_size: 4, color: color() } },
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': {
    class_type: 'ImageScale',
    inputs: { image: ['2', 0], upscale_method: 'bicubic', width: 128, height: 96, crop: 'disabled' },
  },
  '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'out/real' } },
});

/** Some seconds of work, in nodes that report none of it: an interrupt is noticed between two of them. */
const slow = () => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 500, height: 500, batch_size: 1, color: color() } },
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [
      String(index + 2),
      { class_type: 'ImageBlur', inputs: { image: [String(index + 1), 0], blur_radius: 31, sigma: 5 } },
    ]),
  ),
  '20': { class_type: 'SaveImage', inputs: { images: ['9', 0], filename_prefix: 'out/slow' } },
});

(url ? describe : describe.skip)(`a real ComfyUI${reason}`, () => {
  for (const Class of [ComfyUIWebSocketConnector, ComfyUIConnector]) {
    test(`${Class.name} runs a graph and fetches its pictures`, async () => {
      const { result, progress } = bench(Class).attempt({ workflow: graph() }, { jobId: jobId('plain') });
      const { artifacts } = await result;
      expect(artifacts!.map(({ mime, name }) => [mime, name])).toEqual(
        [1, 2, 3, 4].map((index) => ['image/png', `real_0000${index}_.png`]),
      );
      const values = progress.map((update) => update.progress);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(values.at(-1)).toBe(100);
    });
  }

  test('takes an upload, makes video, audio and text', async () => {
    const picture = await png(40, 30, color());
    const { result } = bench().attempt(
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
          '7': { class_type: 'PreviewAny', inputs: { source: 'some text' } },
          '8': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'out/p' } },
        },
      },
      { jobId: jobId('kinds'), inputs: { 'artifact:inputs/one': picture } },
    );
    const { artifacts, result: facts } = await result;
    expect(artifacts!.map(({ mime }) => mime).toSorted()).toEqual(['audio/flac', 'image/png', 'video/mp4']);
    expect(facts).toMatchObject({ texts: { '7': ['some text'] } });
  });

  test('tells a missing node from a missing model and from a bad value', async () => {
    const attempt = (payload: Record<string, unknown>, name: string) =>
      bench().attempt(payload, { jobId: jobId(name) }).result;
    const node = { ...graph(), '9': { class_type: 'NoSuchNode', inputs: {} } };
    await expect(attempt({ workflow: node }, 'node')).rejects.toMatchObject({
      code: 'missing_node',
      errors: [{ pointer: '/payload/workflow/9' }],
    });
    const model = {
      '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'no-such.safetensors' } },
      '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    };
    await expect(attempt({ workflow: model }, 'model')).rejects.toMatchObject({
      code: 'missing_model',
      errors: [{ pointer: '/payload/workflow/1/inputs/ckpt_name' }],
    });
    const size = graph();
    size['1'].inputs.width = 0;
    await expect(attempt({ workflow: size }, 'size')).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/workflow/1/inputs/width' }],
    });
    const file = {
      '1': { class_type: 'LoadImage', inputs: { image: 'no-such.png' } },
      '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    };
    await expect(attempt({ workflow: file }, 'file')).rejects.toMatchObject({
      code: 'not_found',
      errors: [{ pointer: '/payload/workflow/1/inputs/image' }],
    });
    const choice = graph();
    choice['3'].inputs.upscale_method = 'magic';
    await expect(attempt({ workflow: choice }, 'choice')).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/workflow/3/inputs/upscale_method' }],
    });
  });

  test('a cancel stops the prompt, also one that waits', async () => {
    const own = bench();
    const running = own.attempt({ workflow: slow() }, { jobId: jobId('running') });
    await eventually(() => expect(running.progress.at(-1)?.message).toMatch(/nodes done/));
    const waiting = own.attempt({ workflow: slow() }, { jobId: jobId('waiting') });
    await eventually(() => expect(waiting.progress.at(-1)?.message).toMatch(/waiting in the queue/));
    waiting.context.abort(cancelled());
    await expect(waiting.result).rejects.toMatchObject({ message: 'CANCELLED' });
    running.context.abort(cancelled());
    await expect(running.result).rejects.toMatchObject({ message: 'CANCELLED' });
    const [id] = running.context.tracked;
    expect(await own.connector.queryJobStatus(id!.serviceJobId)).toMatchObject({ status: 'cancelled' });
    const [other] = waiting.context.tracked;
    expect(await own.connector.queryJobStatus(other!.serviceJobId)).toMatchObject({ status: 'unknown' });
  });

  test('another worker finds the prompt again', async () => {
    const id = jobId('again');
    const payload = { workflow: slow() };
    const first = bench().attempt(payload, { jobId: id });
    await eventually(() => expect(first.progress.at(-1)?.message).toMatch(/nodes done/));
    first.context.abort(workerShutdown());
    await expect(first.result).rejects.toMatchObject({ message: 'WORKER_SHUTDOWN' });
    const { serviceJobId } = first.context.tracked[0]!;
    const second = bench().attempt(payload, { jobId: id, attempt: 2, serviceJobId });
    const { result, artifacts } = await second.result;
    expect(result).toMatchObject({ reattached: true, submissions: 0, prompt_id: serviceJobId });
    expect(artifacts).toHaveLength(1);
  });
});
