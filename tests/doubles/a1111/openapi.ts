import { PublishedSchema } from '../hosted/published-schema.ts';
import type { Json } from '../hosted/wire.ts';

/**
 * What the web UI says of itself under `/openapi.json`, for the routes with a body that are asked here. There is no
 * published document beside it. Written from its fields; a real one has every option of its installation in it.
 */
const text = { type: 'string' };
const whole = { type: 'integer' };
const real = { type: 'number' };
const flag = { type: 'boolean' };
const list = { type: 'array', items: {} };
const names = { type: 'array', items: text };
const map = { type: 'object' };

const BOTH: Json = {
  prompt: text,
  negative_prompt: text,
  styles: names,
  seed: whole,
  subseed: whole,
  subseed_strength: real,
  seed_resize_from_h: whole,
  seed_resize_from_w: whole,
  sampler_name: text,
  scheduler: text,
  batch_size: whole,
  n_iter: whole,
  steps: whole,
  cfg_scale: real,
  width: whole,
  height: whole,
  restore_faces: flag,
  tiling: flag,
  do_not_save_samples: flag,
  do_not_save_grid: flag,
  eta: real,
  denoising_strength: real,
  s_min_uncond: real,
  s_churn: real,
  s_tmax: real,
  s_tmin: real,
  s_noise: real,
  override_settings: map,
  override_settings_restore_afterwards: flag,
  refiner_checkpoint: text,
  refiner_switch_at: real,
  disable_extra_networks: flag,
  firstpass_image: text,
  comments: map,
  sampler_index: text,
  script_name: text,
  script_args: list,
  send_images: flag,
  save_images: flag,
  alwayson_scripts: map,
  force_task_id: text,
  infotext: text,
};

const TXT2IMG: Json = {
  ...BOTH,
  enable_hr: flag,
  firstphase_width: whole,
  firstphase_height: whole,
  hr_scale: real,
  hr_upscaler: text,
  hr_second_pass_steps: whole,
  hr_resize_x: whole,
  hr_resize_y: whole,
  hr_checkpoint_name: text,
  hr_sampler_name: text,
  hr_scheduler: text,
  hr_prompt: text,
  hr_negative_prompt: text,
};

const IMG2IMG: Json = {
  ...BOTH,
  init_images: list,
  resize_mode: whole,
  image_cfg_scale: real,
  mask: text,
  mask_blur_x: whole,
  mask_blur_y: whole,
  mask_blur: whole,
  mask_round: flag,
  inpainting_fill: whole,
  inpaint_full_res: flag,
  inpaint_full_res_padding: whole,
  inpainting_mask_invert: whole,
  initial_noise_multiplier: real,
  latent_mask: text,
  include_init_images: flag,
};

const share = { type: 'number', minimum: 0, maximum: 1 };
const EXTRAS: Json = {
  resize_mode: { enum: [0, 1] },
  show_extras_results: flag,
  gfpgan_visibility: share,
  codeformer_visibility: share,
  codeformer_weight: share,
  upscaling_resize: { type: 'number', exclusiveMinimum: 0 },
  upscaling_resize_w: { type: 'integer', minimum: 1 },
  upscaling_resize_h: { type: 'integer', minimum: 1 },
  upscaling_crop: flag,
  upscaler_1: text,
  upscaler_2: text,
  extras_upscaler_2_visibility: share,
  upscale_first: flag,
};

const file = { type: 'object', required: ['data', 'name'], properties: { data: text, name: text } };

const PROGRESS: Json = { id_task: text, id_live_preview: whole, live_preview: flag };

const SCHEMAS: Json = {
  StableDiffusionProcessingTxt2Img: { type: 'object', properties: TXT2IMG },
  StableDiffusionProcessingImg2Img: { type: 'object', properties: IMG2IMG },
  ExtrasSingleImageRequest: { type: 'object', properties: { ...EXTRAS, image: text } },
  ExtrasBatchImagesRequest: {
    type: 'object',
    required: ['imageList'],
    properties: { ...EXTRAS, imageList: { type: 'array', items: file } },
  },
  ProgressRequest: { type: 'object', properties: PROGRESS },
  Options: { type: 'object', properties: { sd_model_checkpoint: text } },
};

const ROUTES: Record<string, string> = {
  '/sdapi/v1/txt2img': 'StableDiffusionProcessingTxt2Img',
  '/sdapi/v1/img2img': 'StableDiffusionProcessingImg2Img',
  '/sdapi/v1/extra-single-image': 'ExtrasSingleImageRequest',
  '/sdapi/v1/extra-batch-images': 'ExtrasBatchImagesRequest',
  '/sdapi/v1/options': 'Options',
  '/internal/progress': 'ProgressRequest',
};

export const openApi: Json = {
  openapi: '3.1.0',
  info: { title: 'FastAPI', version: '0.1.0' },
  paths: Object.fromEntries(
    Object.entries(ROUTES).map(([route, name]) => {
      const content = { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
      return [route, { post: { requestBody: { content, required: true } } }];
    }),
  ),
  components: { schemas: SCHEMAS },
};

const MESSAGES: Record<string, [msg: string, type: string]> = {
  integer: ['value is not a valid integer', 'type_error.integer'],
  number: ['value is not a valid float', 'type_error.float'],
  string: ['str type expected', 'type_error.str'],
  boolean: ['value could not be parsed to a boolean', 'type_error.bool'],
  array: ['value is not a valid list', 'type_error.list'],
  object: ['value is not a valid dict', 'type_error.dict'],
};

/** Checks bodies against a document, and complains as FastAPI does. */
export class BodyCheck {
  readonly #schema: PublishedSchema;

  constructor(document: Json = openApi) {
    const described = Object.keys(ROUTES).filter((path) => document['paths'][path]?.post?.requestBody);
    const schemaOf = (path: string) => document['paths'][path].post.requestBody.content['application/json'].schema;
    const bodies = Object.fromEntries(
      described.map((path) => [`POST ${path}`, { 'application/json': schemaOf(path) as object }]),
    );
    this.#schema = new PublishedSchema(() => ({ bodies, components: document['components'] }));
    this.#schema.prepare();
  }

  /**
   * @param route as in `POST /sdapi/v1/txt2img`
   * @returns FastAPI's `detail`; empty when all is well
   */
  problems(route: string, body: Json): Json[] {
    return this.#schema.errorsOf(route, { body }).map((error) => {
      const missing = error.keyword === 'required' ? [String(error.params['missingProperty'])] : [];
      const path = [...error.instancePath.split('/').slice(1), ...missing];
      const loc = ['body', ...path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
      const [msg, type] =
        missing.length > 0
          ? ['field required', 'value_error.missing']
          : (MESSAGES[String(error.params['type'])] ?? [`${error.message}`, 'value_error']);
      return { loc, msg, type };
    });
  }
}
