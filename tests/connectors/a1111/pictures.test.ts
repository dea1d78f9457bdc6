import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { Ajv } from 'ajv';
import { A1111LocalConnector } from '../../../connectors/a1111/connector.ts';
import { openApi } from '../../doubles/a1111/openapi.ts';
import type { Json } from '../../doubles/hosted/wire.ts';
import { pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { A1111Bench, SMALL } from './a1111-bench.ts';

const bench = new A1111Bench();
const HARBOUR = 'file:examples/harbour.png';

/** A body with nothing in it that the server does not know. */
function expectKnown(route: string, name: string) {
  const schema = (openApi['components'] as Json)['schemas'][name] as Json;
  const check = new Ajv({ allErrors: true, strict: false }).compile({ ...schema, additionalProperties: false });
  const bodies = bench.double.bodies(route);
  expect(bodies.length).toBeGreaterThan(0);
  for (const body of bodies) expect({ ok: check(body), errors: check.errors }).toEqual({ ok: true, errors: null });
}

describe('pictures from words', () => {
  test('a picture with its facts, under a task id of our own', async () => {
    const { outcome, reports, context } = bench.attempt({ ...SMALL, seed: 7, sampler_name: 'Euler a' });
    const { artifacts, result, service_info } = await outcome;
    expect(artifacts).toMatchObject([
      { name: 'txt2img.png', mime: 'image/png', meta: { width: 64, height: 64, kind: 'picture', seed: 7 } },
    ]);
    expect(result).toMatchObject({
      mode: 'txt2img',
      pictures: 1,
      seed: 7,
      sampler: 'Euler a',
      steps: 4,
      model: 'dreamlike-v1',
      reattached: false,
      submissions: 1,
    });
    const [tracked] = context.tracked;
    expect(tracked!.serviceJobId).toMatch(/^task\(switchyard-[0-9a-f]{16}\)$/);
    expect(bench.sent['force_task_id']).toBe(tracked!.serviceJobId);
    expect(service_info).toMatchObject({ service_job_id: tracked!.serviceJobId });
    const values = reports.map(({ progress }) => progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.at(-1)).toBe(100);
    expect(bench.sent).not.toHaveProperty('save_images');
    expectKnown('txt2img', 'StableDiffusionProcessingTxt2Img');
  });

  test('a seed is drawn once for a job, and the same in every attempt', async () => {
    const seeds: unknown[] = [];
    for (const [jobId, seed] of [
      ['a', -1],
      ['a', undefined],
      ['b', -1],
    ] as const) {
      await bench.attempt({ ...SMALL, seed }, { jobId }).outcome;
      seeds.push(bench.sent['seed']);
    }
    expect(seeds[0]).toBe(seeds[1]);
    expect(seeds[2]).not.toBe(seeds[0]);
  });

  test('batches: every picture is an artifact with its seed', async () => {
    const { artifacts, result } = await bench.attempt({ ...SMALL, seed: 5, batch_size: 2, n_iter: 2 }).outcome;
    expect(artifacts!.map(({ meta }) => meta!['seed'])).toEqual([5, 6, 7, 8]);
    expect(result).toMatchObject({ pictures: 4, seeds: [5, 6, 7, 8] });
  });

  test.each(['anything-v3', 'anything-v3.ckpt', '8712e20a5d', 'anything-v3.ckpt [8712e20a5d]', 'ANYTHING-v3'])(
    'the model %s is found, and asked for by its title',
    async (model) => {
      const { result } = await bench.attempt({ ...SMALL, model }).outcome;
      expect(bench.sent['override_settings']).toEqual({ sd_model_checkpoint: 'anything-v3.ckpt [8712e20a5d]' });
      expect(result).toMatchObject({ model: 'anything-v3', model_hash: '8712e20a5d' });
    },
  );

  test('options: the model among them, VAE, clip skip, the default of the operator', async () => {
    const override_settings = { sd_model_checkpoint: 'anything-v3', eta_noise_seed_delta: 31_337 };
    await bench.attempt({ ...SMALL, override_settings, vae: 'vae-ft-mse.safetensors', clip_skip: 2 }).outcome;
    expect(bench.sent['override_settings']).toEqual({
      sd_model_checkpoint: 'anything-v3.ckpt [8712e20a5d]',
      eta_noise_seed_delta: 31_337,
      sd_vae: 'vae-ft-mse.safetensors',
      CLIP_stop_at_last_layers: 2,
    });
    await bench.attempt(SMALL, {}, { model: '8712e20a5d' }).outcome;
    expect(bench.sent['override_settings']).toEqual({ sd_model_checkpoint: 'anything-v3.ckpt [8712e20a5d]' });
  });

  test('a model that was installed a moment ago', async () => {
    const connector = bench.ready();
    await bench.start(connector, SMALL).outcome;
    await connector.getAvailableModels();
    bench.double.install();
    await bench.start(connector, { ...SMALL, model: 'late-arrival' }).outcome;
    expect(bench.sent['override_settings']).toEqual({ sd_model_checkpoint: 'late-arrival.safetensors [fedcba9876]' });
  });

  test('samplers by alias, and with their scheduler as older servers have them', async () => {
    await bench.attempt({ ...SMALL, sampler_name: 'k_euler_a' }).outcome;
    expect(bench.sent['sampler_name']).toBe('Euler a');
    await bench.attempt({ ...SMALL, sampler_name: 'DPM++ 2M Karras' }).outcome;
    expect(bench.sent['sampler_name']).toBe('DPM++ 2M Karras');
    await bench.attempt({ ...SMALL, sampler_name: 'DPM++ 2M', scheduler: 'karras' }).outcome;
    expect(bench.sent['scheduler']).toBe('Karras');
  });

  test('hires fix', async () => {
    const hires = {
      enable_hr: true,
      hr_scale: 2,
      hr_upscaler: 'Latent',
      hr_second_pass_steps: 2,
      denoising_strength: 0.5,
    };
    const { artifacts } = await bench.attempt({ ...SMALL, ...hires }).outcome;
    expect(artifacts).toMatchObject([{ meta: { width: 128, height: 128 } }]);
    expect(bench.sent).toMatchObject(hires);
    expectKnown('txt2img', 'StableDiffusionProcessingTxt2Img');
  });

  test('unfinished pictures go to whoever watches, each once', async () => {
    const { outcome, live } = bench.attempt({ ...SMALL, steps: 40 });
    bench.state.pace.delayMs = 10;
    await outcome;
    expect(live.previews.length).toBeGreaterThan(0);
    expect(live.previews.map(({ index }) => index)).toEqual(live.previews.map((_, index) => index));
    expect(live.previews[0]!.mime).toBe('image/png');
  });
});

describe('pictures from pictures', () => {
  test('img2img keeps the shape of its picture', async () => {
    const { width, height } = await sharp('examples/harbour.png').metadata();
    const { result } = await bench.attempt({ prompt: 'at night', image: HARBOUR, steps: 2 }).outcome;
    expect(result).toMatchObject({ mode: 'img2img', pictures: 1 });
    expect(bench.sent['width'] / bench.sent['height']).toBeCloseTo(width / height, 1);
    const [sent] = bench.sent['init_images'] as string[];
    expect(await sharp(Buffer.from(sent!, 'base64')).metadata()).toMatchObject({ width, height });
    expectKnown('img2img', 'StableDiffusionProcessingImg2Img');
  });

  test('several pictures and a mask', async () => {
    const init_images = [await pngDataUrl(10), await pngDataUrl(20)];
    const { artifacts } = await bench.attempt({
      prompt: 'x',
      init_images,
      mask: await pngDataUrl(30),
      width: 64,
      height: 64,
      steps: 2,
      inpainting_fill: 1,
    }).outcome;
    expect(artifacts).toHaveLength(2);
    expect(bench.sent['init_images']).toHaveLength(2);
    expect(bench.sent).toMatchObject({ batch_size: 2, inpainting_fill: 1, mask: expect.stringMatching(/^iVBOR/) });
    expectKnown('img2img', 'StableDiffusionProcessingImg2Img');
  });

  test('extras: one picture, enlarged', async () => {
    const payload = { mode: 'extras', image: await pngDataUrl(), upscaler_1: 'R-ESRGAN 4x+', upscaling_resize: 4 };
    const { outcome, reports, context } = bench.attempt(payload);
    const { artifacts, result } = await outcome;
    expect(artifacts).toMatchObject([{ name: 'extras.png', meta: { width: 32, height: 32 } }]);
    expect(result).toMatchObject({ mode: 'extras', pictures: 1 });
    expect(result).not.toHaveProperty('task_id');
    expect(context.tracked).toHaveLength(1);
    expect(reports.at(-1)!.progress).toBe(100);
    expectKnown('extra-single-image', 'ExtrasSingleImageRequest');
  });

  test('extras: several pictures', async () => {
    const images = [await pngDataUrl(1), await pngDataUrl(2), await pngDataUrl(3)];
    const { artifacts } = await bench.attempt({ mode: 'extras', images, upscaler_1: 'Lanczos' }).outcome;
    expect(artifacts!.map(({ meta }) => meta!['width'])).toEqual([16, 16, 16]);
    expectKnown('extra-batch-images', 'ExtrasBatchImagesRequest');
  });
});

describe('scripts and extensions', () => {
  test('a script with all its arguments', async () => {
    await bench.attempt({ ...SMALL, script_name: 'Prompt Matrix', script_args: [true, false, 'positive', 'comma', 0] })
      .outcome;
    expect(bench.sent).toMatchObject({
      script_name: 'Prompt Matrix',
      script_args: [true, false, 'positive', 'comma', 0],
    });
  });

  test('an extension with pictures of the job; what it adds is an artifact too', async () => {
    const media = await pngDataUrl();
    const alwayson_scripts = { ControlNet: { args: [{ module: 'canny', image: { media } }] } };
    const { artifacts } = await bench.attempt({ ...SMALL, alwayson_scripts }).outcome;
    expect(bench.sent['alwayson_scripts']).toEqual({
      ControlNet: { args: [{ module: 'canny', image: media.split(',')[1] }] },
    });
    expect(artifacts!.map(({ name, meta }) => [name, meta!['kind']])).toEqual([
      ['txt2img.png', 'picture'],
      ['txt2img-extra.png', 'extra'],
    ]);
  });

  test('fields of forks go through', async () => {
    await bench.attempt({ ...SMALL, extra_body: { distilled_cfg_scale: 3.5 } }).outcome;
    expect(bench.sent['distilled_cfg_scale']).toBe(3.5);
  });
});

test('one request at a time goes to an instance, whichever connector it comes from', async () => {
  const [one, two] = [bench.ready(), bench.ready({}, A1111LocalConnector)];
  const jobs = [one, two, one, two].map((connector, index) => bench.start(connector, SMALL, { jobId: `job${index}` }));
  for (const { outcome } of jobs) expect((await outcome).status).toBe('completed');
  expect(bench.double.crowd).toBe(1);
});

test('without the page (--nowebui): progress all the same', async () => {
  bench.double.withoutPage = true;
  const { outcome, reports } = bench.attempt({ ...SMALL, steps: 30 });
  bench.state.pace.delayMs = 10;
  await outcome;
  expect(reports.some(({ progress }) => progress > 5 && progress < 95)).toBe(true);
});
