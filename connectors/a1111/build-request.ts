import { createHash } from 'node:crypto';
import { ConnectorError } from '../contract/connector-error.ts';
import type { WorkRoute } from './a1111-client.ts';
import type { ServerNames } from './check-job.ts';
import { EXTRAS_FIELDS, modeOf, PLAIN_FIELDS, type A1111Payload } from './payload.schema.ts';
import type { Inputs, Picture } from './read-inputs.ts';

/** One request that makes pictures. */
export interface WorkRequest {
  route: WorkRoute;
  body: Record<string, unknown>;
  /** How many pictures the answer must have; undefined with scripts, which make as many as they like. */
  expected: number | undefined;
}

/** What the server takes when nothing is said. Pixels. */
const DEFAULT_SIDE = 512;
const LEAST_SIDE = 64;
const MOST_SIDE = 2_048;

/** The request of a job, without what belongs to a single submission. */
export function buildRequest(jobId: string, payload: A1111Payload, names: ServerNames, inputs: Inputs): WorkRequest {
  const mode = modeOf(payload);
  if (mode === 'extras') return extrasRequest(payload, names, inputs);
  const body: Record<string, unknown> = {};
  for (const field of PLAIN_FIELDS) {
    const value = (payload as Record<string, unknown>)[field];
    if (value !== undefined) body[field] = names[field] ?? value;
  }
  body['seed'] = payload.seed === undefined || payload.seed < 0 ? seedOf(jobId, payload) : payload.seed;
  if (payload.styles) body['styles'] = payload.styles.map((style, index) => names[`styles/${index}`] ?? style);
  const settings = overrides(payload, names);
  if (Object.keys(settings).length > 0) body['override_settings'] = settings;
  if (inputs.scriptArgs) body['script_args'] = inputs.scriptArgs;
  if (inputs.alwaysonScripts) body['alwayson_scripts'] = inputs.alwaysonScripts;
  if (mode === 'img2img') startFrom(inputs, payload, body);
  Object.assign(body, payload.extra_body);
  const batch = Number(body['batch_size'] ?? 1) * (payload.n_iter ?? 1);
  return { route: mode, body, expected: payload.script_name ? undefined : batch };
}

function startFrom({ pictures, mask }: Inputs, payload: A1111Payload, body: Record<string, unknown>): void {
  body['init_images'] = pictures.map(({ base64 }) => base64);
  if (mask) body['mask'] = mask.base64;
  // The server takes no more pictures than a batch has.
  if (pictures.length > 1) body['batch_size'] = pictures.length;
  const [first] = pictures;
  // The server would make them 512 × 512, out of shape.
  if (!first || payload.width !== undefined || payload.height !== undefined) return;
  const shrink = Math.min(1, MOST_SIDE / Math.max(first.head.width, first.head.height));
  body['width'] = rounded(first.head.width * shrink);
  body['height'] = rounded(first.head.height * shrink);
}

function rounded(side: number): number {
  return Math.min(MOST_SIDE, Math.max(LEAST_SIDE, Math.round(side / 8) * 8));
}

function overrides(payload: A1111Payload, names: ServerNames): Record<string, unknown> {
  const settings: Record<string, unknown> = { ...payload.override_settings };
  const named = {
    sd_model_checkpoint: names['override_settings/sd_model_checkpoint'] ?? names['model'],
    sd_vae: names['override_settings/sd_vae'] ?? names['vae'],
    CLIP_stop_at_last_layers: payload.clip_skip,
  };
  for (const [key, value] of Object.entries(named)) if (value !== undefined) settings[key] = value;
  return settings;
}

function extrasRequest(payload: A1111Payload, names: ServerNames, { pictures }: Inputs): WorkRequest {
  const body: Record<string, unknown> = {};
  for (const field of EXTRAS_FIELDS) {
    const value = (payload as Record<string, unknown>)[field];
    if (value !== undefined) body[field] = names[field] ?? value;
  }
  Object.assign(body, payload.extra_body);
  const [first] = pictures;
  if (!payload.images && first) {
    return { route: 'extra-single-image', body: { ...body, image: first.base64 }, expected: 1 };
  }
  const imageList = pictures.map(({ base64, name }) => ({ data: base64, name }));
  return { route: 'extra-batch-images', body: { ...body, imageList }, expected: pictures.length };
}

/** Drawn once for a job: an attempt that comes after a lost answer makes the same picture again. */
function seedOf(jobId: string, payload: A1111Payload): number {
  const digest = createHash('sha256')
    .update(`${jobId} ${payload.prompt ?? ''}`)
    .digest();
  return digest.readUInt32BE(0);
}

/**
 * Refuses a picture that is larger than the operator allows: the server would try, and run out of memory.
 * @throws ConnectorError `validation`
 */
export function checkSize(payload: A1111Payload, request: WorkRequest, pictures: Picture[], megapixels: number): void {
  for (const { width, height, pointer, how } of resultSizes(payload, request, pictures)) {
    if (width * height <= megapixels * 1e6) continue;
    const detail = `asks for ${Math.round(width)} × ${Math.round(height)} pixels${how}`;
    const hint = `at most ${megapixels} million are allowed (A1111_MAX_MEGAPIXELS on the worker)`;
    throw new ConnectorError('validation', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
  }
}

interface ResultSize {
  width: number;
  height: number;
  pointer: string;
  how: string;
}

function resultSizes(payload: A1111Payload, { route, body }: WorkRequest, pictures: Picture[]): ResultSize[] {
  if (route === 'txt2img' || route === 'img2img') {
    const width = Number(body['width'] ?? DEFAULT_SIDE);
    const height = Number(body['height'] ?? DEFAULT_SIDE);
    const sizes = [{ width, height, pointer: '/payload/width', how: '' }];
    if (!payload.enable_hr) return sizes;
    const { hr_scale = 2, hr_resize_x: x = 0, hr_resize_y: y = 0 } = payload;
    const how = ' after the hires fix';
    if (x === 0 && y === 0) {
      return [...sizes, { width: width * hr_scale, height: height * hr_scale, pointer: '/payload/hr_scale', how }];
    }
    const larger = { width: x || (y * width) / height, height: y || (x * height) / width };
    return [...sizes, { ...larger, pointer: x ? '/payload/hr_resize_x' : '/payload/hr_resize_y', how }];
  }
  if (payload.resize_mode === 1) {
    const { upscaling_resize_w: width = DEFAULT_SIDE, upscaling_resize_h: height = DEFAULT_SIDE } = payload;
    return [{ width, height, pointer: '/payload/upscaling_resize_w', how: '' }];
  }
  // Without an upscaler nothing is enlarged.
  const factor = payload.upscaler_1 && payload.upscaler_1 !== 'None' ? (payload.upscaling_resize ?? 2) : 1;
  return pictures.map(({ head }) => ({
    width: head.width * factor,
    height: head.height * factor,
    pointer: '/payload/upscaling_resize',
    how: ` (${head.width} × ${head.height}, ${factor} times)`,
  }));
}
