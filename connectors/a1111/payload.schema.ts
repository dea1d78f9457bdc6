import { z } from 'zod';

const MAX_PROMPT = 50_000;
/** Latents have an eighth of the sides: other sizes come out smaller than asked for. */
const STEP = 8;
const LEAST_SIDE = 64;
const MOST_SIDE = 16_384;
const MAX_SEED = 4_294_967_295;

const REFERENCE = /^(?:artifact|data|file|https?):/i;
const reference = z
  .string()
  .min(1, 'must not be empty')
  .regex(REFERENCE, 'must be a media reference; put data:image/png;base64, in front of bare base64')
  .describe('Media reference: artifact:…, data:…;base64,…, file:… or https:…');
const references = z.array(reference).min(1, 'must have at least one entry').max(64, 'must have at most 64 entries');

const prompt = z.string().max(MAX_PROMPT, `must have at most ${MAX_PROMPT} characters`);
const name = z.string().min(1, 'must not be empty').max(512, 'must have at most 512 characters');
const whole = (least: number, most: number) =>
  z.int('must be a whole number').min(least, `must be ${least}–${most}`).max(most, `must be ${least}–${most}`);
const number = (least: number, most: number) =>
  z.number('must be a number').min(least, `must be ${least}–${most}`).max(most, `must be ${least}–${most}`);
const share = number(0, 1);
const side = whole(LEAST_SIDE, MOST_SIDE).multipleOf(STEP, `must be a multiple of ${STEP}`);
const seed = whole(-1, MAX_SEED);

/** Names of files on the server, and what it may fetch: its operator's affair. */
const SERVER_SETTING = /^(?:outdir_|api_|hide_|ui_)|_dir$|filename_pattern$|^save_to_dirs$|^grid_save_to_dirs$/;

const overrides = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.unknown())]))
  .superRefine((settings, ctx) => {
    for (const key of Object.keys(settings)) {
      if (!SERVER_SETTING.test(key)) continue;
      ctx.addIssue({ code: 'custom', path: [key], message: 'belongs to the server and cannot be set by a job' });
    }
  });

const both = {
  prompt: prompt.optional().describe('What the picture shows'),
  negative_prompt: prompt.optional().describe('What it does not show'),
  styles: z.array(name).max(32, 'must have at most 32 entries').optional().describe("Names of the server's styles"),
  model: name.optional().describe('Checkpoint, by its title, name, file or hash; default: what the operator has set'),
  vae: name.optional().describe('VAE, by its file; Automatic, None'),
  seed: seed.optional().describe('-1 or none: drawn, the same in every attempt of the job'),
  subseed: seed.optional(),
  subseed_strength: share.optional(),
  sampler_name: name.optional(),
  scheduler: name.optional(),
  steps: whole(1, 500).optional(),
  cfg_scale: number(0, 100).optional(),
  clip_skip: whole(1, 12).optional(),
  width: side.optional(),
  height: side.optional(),
  batch_size: whole(1, 64).optional().describe('Pictures at one time; needs memory'),
  n_iter: whole(1, 100).optional().describe('Batches, one after the other'),
  restore_faces: z.boolean().optional(),
  tiling: z.boolean().optional(),
  eta: number(0, 10).optional(),
  denoising_strength: share.optional(),
  override_settings: overrides
    .optional()
    .describe('The server\'s options for this job, e.g. {"CLIP_stop_at_last_layers": 2}'),
  override_settings_restore_afterwards: z
    .boolean()
    .optional()
    .describe('false: the server keeps the options, the checkpoint among them, after the job'),
  refiner_checkpoint: name.optional(),
  refiner_switch_at: share.optional(),
  script_name: name.optional().describe('A script of the list, e.g. "x/y/z plot"'),
  script_args: z.array(z.unknown()).max(1_000).optional().describe('Its arguments, all of them, in order'),
  alwayson_scripts: z
    .record(z.string(), z.looseObject({ args: z.array(z.unknown()).max(1_000).optional() }))
    .optional()
    .describe('Extensions, e.g. {"controlnet": {"args": [{…}]}}; {"media": "artifact:…"} stands for a picture'),
};

const txt2img = {
  enable_hr: z.boolean().optional().describe('Hires fix: a second pass at a larger size'),
  hr_scale: number(1, 8).optional(),
  hr_upscaler: name.optional(),
  hr_second_pass_steps: whole(0, 500).optional(),
  hr_resize_x: z.union([z.literal(0), side]).optional(),
  hr_resize_y: z.union([z.literal(0), side]).optional(),
  hr_checkpoint_name: name.optional(),
  hr_sampler_name: name.optional(),
  hr_scheduler: name.optional(),
  hr_prompt: prompt.optional(),
  hr_negative_prompt: prompt.optional(),
};

const img2img = {
  init_images: references.optional().describe('Pictures to start from'),
  mask: reference.optional().describe('Inpainting: white is painted anew'),
  mask_blur: whole(0, 256).optional(),
  inpainting_fill: whole(0, 3).optional().describe('0 fill, 1 original, 2 latent noise, 3 latent nothing'),
  inpaint_full_res: z.boolean().optional(),
  inpaint_full_res_padding: whole(0, 1_024).optional(),
  inpainting_mask_invert: whole(0, 1).optional(),
  initial_noise_multiplier: number(0, 10).optional(),
  image_cfg_scale: number(0, 100).optional(),
};

const extras = {
  images: references.optional().describe('Extras: several pictures'),
  upscaler_1: name.optional().describe('Extras: name of an upscaler'),
  upscaler_2: name.optional(),
  extras_upscaler_2_visibility: share.optional(),
  upscaling_resize: number(0.05, 16).optional().describe('Extras: factor, with resize_mode 0'),
  upscaling_resize_w: whole(1, MOST_SIDE).optional(),
  upscaling_resize_h: whole(1, MOST_SIDE).optional(),
  upscaling_crop: z.boolean().optional(),
  gfpgan_visibility: share.optional(),
  codeformer_visibility: share.optional(),
  codeformer_weight: share.optional(),
  upscale_first: z.boolean().optional(),
};

/** Fields that only Switchyard sets, or that would lead past the checks. */
const NOT_EXTRA = [
  'force_task_id',
  'send_images',
  'save_images',
  'do_not_save_samples',
  'do_not_save_grid',
  'include_init_images',
  'infotext',
  'sampler_index',
];

const shape = {
  mode: z
    .enum(['txt2img', 'img2img', 'extras'], 'must be txt2img, img2img or extras')
    .optional()
    .describe('Default: img2img when there is a picture to start from, else txt2img'),
  image: reference.optional().describe('The picture to start from (img2img) or to work on (extras)'),
  resize_mode: whole(0, 3)
    .optional()
    .describe('img2img: 0 stretch, 1 crop, 2 fill, 3 latent; extras: 0 factor, 1 size'),
  ...both,
  ...txt2img,
  ...img2img,
  ...extras,
};

const extraBody = z
  .record(z.string(), z.unknown())
  .superRefine((value, ctx) => {
    for (const key of Object.keys(value)) {
      const own = Object.hasOwn(shape, key);
      if (!own && !NOT_EXTRA.includes(key)) continue;
      const message = own ? 'has a field of its own; set that' : 'cannot be set by a job';
      ctx.addIssue({ code: 'custom', path: [key], message });
    }
  })
  .optional()
  .describe('More fields of the request, sent as they are: those of forks, for example');

type Mode = 'txt2img' | 'img2img' | 'extras';

const ONLY: [Mode, readonly string[]][] = [
  ['txt2img', Object.keys(txt2img)],
  ['img2img', Object.keys(img2img)],
  ['extras', Object.keys(extras)],
];

export const a1111Payload = z.strictObject({ ...shape, extra_body: extraBody }).superRefine((payload, ctx) => {
  const refuse = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
  const mode = modeOf(payload);
  for (const [owner, fields] of ONLY) {
    if (owner === mode) continue;
    for (const field of fields) if (has(payload, field)) refuse(field, `belongs to ${owner}, and this is ${mode}`);
  }
  if (mode === 'extras') {
    for (const field of Object.keys(both)) {
      if (has(payload, field)) refuse(field, 'belongs to txt2img and img2img, and this is extras');
    }
    if (!payload.image && !payload.images) refuse('image', 'is missing: the picture to work on');
    if (payload.image && payload.images) refuse('images', 'cannot be given beside image');
    if ((payload.resize_mode ?? 0) > 1) refuse('resize_mode', 'must be 0 or 1 for extras');
    return;
  }
  if (mode === 'txt2img' && payload.resize_mode !== undefined) refuse('resize_mode', 'belongs to img2img and extras');
  if (mode === 'txt2img' && payload.image) refuse('image', 'belongs to img2img and extras, and this is txt2img');
  if (mode === 'txt2img' && !payload.prompt && !payload.styles) refuse('prompt', 'is missing: say what to draw');
  if (mode === 'img2img') {
    if (!payload.image && !payload.init_images) refuse('image', 'is missing: the picture to start from');
    if (payload.image && payload.init_images) refuse('init_images', 'cannot be given beside image');
    const pictures = payload.init_images?.length ?? 1;
    if (payload.batch_size !== undefined && pictures > 1 && pictures > payload.batch_size) {
      refuse('batch_size', `must be at least ${pictures}, the number of pictures to start from`);
    }
  }
  if (payload.script_args && !payload.script_name) refuse('script_name', 'is missing: whose arguments are these?');
  const own = payload.override_settings ?? {};
  const doubled: [keyof typeof payload, string][] = [
    ['model', 'sd_model_checkpoint'],
    ['vae', 'sd_vae'],
    ['clip_skip', 'CLIP_stop_at_last_layers'],
  ];
  for (const [field, setting] of doubled) {
    if (payload[field] !== undefined && Object.hasOwn(own, setting)) {
      refuse(field, `cannot be given beside override_settings.${setting}`);
    }
  }
});

/** Payload of an `a1111` job. What is not given is left to the server's defaults. */
export type A1111Payload = z.output<typeof a1111Payload>;

/** What the job asks for; a picture to start from says it, too. */
export function modeOf(payload: { mode?: Mode; image?: string; init_images?: string[] }): Mode {
  return payload.mode ?? (payload.image || payload.init_images ? 'img2img' : 'txt2img');
}

function has(payload: object, field: string): boolean {
  return (payload as Record<string, unknown>)[field] !== undefined;
}

/** Fields that go into a generation as they are. */
export const PLAIN_FIELDS: readonly string[] = [
  ...Object.keys(both),
  ...Object.keys(txt2img),
  ...Object.keys(img2img),
  'resize_mode',
].filter((field) => !['model', 'vae', 'clip_skip', 'init_images', 'mask', 'override_settings'].includes(field));

/** Fields that go into extras as they are. */
export const EXTRAS_FIELDS: readonly string[] = [...Object.keys(extras), 'resize_mode'].filter(
  (field) => field !== 'images',
);
