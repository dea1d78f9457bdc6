import { describe, expect, test } from '@jest/globals';
import { a1111Payload } from '../../../connectors/a1111/payload.schema.ts';
import { pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { A1111Bench, SMALL } from './a1111-bench.ts';

const bench = new A1111Bench();
const picture = 'data:image/png;base64,AAAA';

/** What the schema refuses, by the place it names. */
const places = (payload: unknown) =>
  (a1111Payload.safeParse(payload).error?.issues ?? []).map(({ path }) => path.join('/'));

describe('refused by the payload alone', () => {
  test.each<[string, object, string]>([
    ['no prompt', {}, 'prompt'],
    ['a size that is no multiple of 8', { ...SMALL, height: 513 }, 'height'],
    ['a size beyond all reason', { ...SMALL, width: 100_000 }, 'width'],
    ['a negative size', { ...SMALL, width: -64 }, 'width'],
    ['no steps', { ...SMALL, steps: 0 }, 'steps'],
    ['steps as text', { ...SMALL, steps: '20' }, 'steps'],
    ['too many pictures', { ...SMALL, batch_size: 1_000 }, 'batch_size'],
    ['a prompt without end', { ...SMALL, prompt: 'x'.repeat(50_001) }, 'prompt'],
    ['img2img without a picture', { ...SMALL, mode: 'img2img' }, 'image'],
    ['extras without a picture', { mode: 'extras' }, 'image'],
    ['bare base64', { ...SMALL, image: 'iVBORw0KGgo=' }, 'image'],
    ['a mask and nothing to put it on', { ...SMALL, mask: picture }, 'mask'],
    ['both kinds of pictures', { ...SMALL, image: picture, init_images: [picture] }, 'init_images'],
    [
      'more pictures than the batch',
      { ...SMALL, init_images: [picture, picture, picture], batch_size: 2 },
      'batch_size',
    ],
    ['hires fix of img2img', { ...SMALL, image: picture, enable_hr: true }, 'enable_hr'],
    ['a prompt for extras', { mode: 'extras', image: picture, prompt: 'a boat' }, 'prompt'],
    ['upscalers for txt2img', { ...SMALL, upscaler_1: 'Lanczos' }, 'upscaler_1'],
    ['arguments of no script', { ...SMALL, script_args: [1] }, 'script_name'],
    ['two models', { ...SMALL, model: 'a', override_settings: { sd_model_checkpoint: 'b' } }, 'model'],
    [
      'a folder of the server',
      { ...SMALL, override_settings: { outdir_samples: '/etc' } },
      'override_settings/outdir_samples',
    ],
    ['what only we set', { ...SMALL, extra_body: { save_images: true } }, 'extra_body/save_images'],
    ['a field past its own', { ...SMALL, extra_body: { steps: 5 } }, 'extra_body/steps'],
    ['an unknown field', { ...SMALL, stepz: 5 }, ''],
  ])('%s', (_, payload, place) => {
    expect(places(payload)).toContain(place);
  });
});

describe('refused by what the server has, before anything is sent', () => {
  test.each<[string, object, string, string, RegExp]>([
    ['a model', { model: 'nope' }, 'missing_model', '/payload/model', /dreamlike-v1/],
    [
      'a model among the options',
      { override_settings: { sd_model_checkpoint: 'nope' } },
      'missing_model',
      '/payload/override_settings/sd_model_checkpoint',
      /dreamlike-v1/,
    ],
    ['a VAE', { vae: 'nope' }, 'missing_model', '/payload/vae', /vae-ft-mse/],
    ['a refiner', { refiner_checkpoint: 'nope' }, 'missing_model', '/payload/refiner_checkpoint', /anything-v3/],
    ['a LoRA in the prompt', { prompt: 'a boat <lora:nope:0.8>' }, 'missing_model', '/payload/prompt', /ink/],
    ['a sampler', { sampler_name: 'Magic' }, 'validation', '/payload/sampler_name', /Euler a/],
    ['a scheduler', { scheduler: 'Magic' }, 'validation', '/payload/scheduler', /Karras/],
    [
      'an upscaler of the hires fix',
      { enable_hr: true, hr_upscaler: 'X' },
      'missing_model',
      '/payload/hr_upscaler',
      /Latent/,
    ],
    ['a style', { styles: ['Film', 'Magic'] }, 'validation', '/payload/styles/1', /Film/],
    ['a script', { script_name: 'magic' }, 'validation', '/payload/script_name', /prompt matrix/],
    ['a script of img2img', { script_name: 'sd upscale' }, 'validation', '/payload/script_name', /prompt matrix/],
    [
      'an extension',
      { alwayson_scripts: { magic: {} } },
      'validation',
      '/payload/alwayson_scripts/magic',
      /controlnet/,
    ],
    [
      'too few arguments',
      { script_name: 'prompt matrix', script_args: [1] },
      'validation',
      '/payload/script_args',
      /takes 5/,
    ],
    [
      'an extension as a script',
      { script_name: 'controlnet' },
      'validation',
      '/payload/script_name',
      /alwayson_scripts/,
    ],
    [
      'a picture too large',
      { width: 4_096, height: 4_096 },
      'validation',
      '/payload/width',
      /4096 × 4096.*A1111_MAX_MEGAPIXELS/,
    ],
    [
      'a picture too large in the end',
      { width: 1_024, height: 1_024, enable_hr: true, hr_scale: 8 },
      'validation',
      '/payload/hr_scale',
      /8192/,
    ],
  ])('%s', async (_, payload, code, pointer, message) => {
    const { outcome, context } = bench.attempt({ ...SMALL, ...payload });
    await expect(outcome).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      errors: expect.arrayContaining([expect.objectContaining({ pointer })]),
    });
    expect(bench.state.ledger.arrivals).toHaveLength(0);
    expect(context.tracked).toHaveLength(0);
  });

  test('all that is wrong is named at once', async () => {
    const { outcome } = bench.attempt({ ...SMALL, model: 'nope', sampler_name: 'Magic' });
    await expect(outcome).rejects.toMatchObject({
      errors: [{ pointer: '/payload/model' }, { pointer: '/payload/sampler_name' }],
    });
  });

  test('a picture that is not there, and one that is none', async () => {
    const missing = bench.attempt({ prompt: 'x', image: 'file:examples/no-such.png' });
    await expect(missing.outcome).rejects.toMatchObject({ code: 'not_found', errors: [{ pointer: '/payload/image' }] });
    const none = bench.attempt({ prompt: 'x', init_images: [await pngDataUrl(), 'file:examples/README.md'] });
    await expect(none.outcome).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/init_images/1' }],
    });
    const media = { media: 'file:examples/no-such.png' };
    const within = bench.attempt({ ...SMALL, alwayson_scripts: { controlnet: { args: [{ image: media }] } } });
    await expect(within.outcome).rejects.toMatchObject({
      errors: [{ pointer: '/payload/alwayson_scripts/controlnet/args/0/image/media' }],
    });
    expect(bench.state.ledger.arrivals).toHaveLength(0);
  });

  test('a model that the operator does not allow', async () => {
    const { outcome } = bench.attempt({ ...SMALL, model: 'anything-v3' }, {}, { models: 'dreamlike-v1' });
    await expect(outcome).rejects.toMatchObject({ code: 'permission', errors: [{ pointer: '/payload/model' }] });
  });

  test('an older server has fewer lists: what it cannot tell is not checked', async () => {
    for (const list of ['schedulers', 'script-info', 'loras']) bench.double.lacks.add(list);
    const { outcome } = bench.attempt({
      ...SMALL,
      prompt: '<lora:x:1>',
      scheduler: 'Karras',
      script_name: 'prompt matrix',
    });
    expect((await outcome).status).toBe('completed');
  });
});
