import type { ServerResponse } from 'node:http';
import sharp from 'sharp';
import { afterOf } from '../hosted/interrupt.ts';
import { interrupt } from './interrupt.ts';
import type { Fault } from '../hosted/faults.ts';
import { markerIn } from '../hosted/stages.ts';
import type { DoubleState } from '../hosted/state.ts';
import { drained, EventStream, goneSignal, now, sendError, sendJson, type Json } from '../hosted/wire.ts';

/** POST /images/generations and /images/edits */
export async function makeImages(
  state: DoubleState,
  route: 'generations' | 'edits',
  body: Json,
  fault: Fault | undefined,
  response: ServerResponse,
): Promise<void> {
  const model = String(body['model'] ?? 'dall-e-2');
  const problem = refusal(state, model, body);
  if (problem) return sendError(response, problem.code === 'model_not_found' ? 404 : 400, problem);
  const marker = markerIn(body);
  state.paid[route] += 1;
  state.ledger.taken.push({ id: '', marker });
  if (fault?.kind === 'reset') return void response.destroy();
  if (fault?.kind === 'hang') return;
  const gone = goneSignal(response);
  // The drawing, which tells nothing of itself.
  if (!(await state.step(1, marker, gone))) return stop(state, marker);
  if (!(await state.stages.pass('finishing', marker, gone))) return;
  if (state.hugeBytes > 0) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"created": 1, "data": [{"b64_json": "');
    return pourBase64(state.hugeBytes, response);
  }
  if (fault?.kind === 'malformed' || state.malformed) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"created": 17');
    return;
  }
  const format = (body['output_format'] ?? 'png') as 'png' | 'jpeg' | 'webp';
  const count = Number(body['n'] ?? 1);
  if (String(body['stream']) === 'true') {
    await stream(state, route, { body, format, fault, gone, marker }, new EventStream(response));
    return;
  }
  const data: Json[] = [];
  for (let index = 0; index < count; index++) {
    if (state.imagesAsUrls) {
      data.push({ url: `http://${response.req.headers.host}/v1/files/${index}.${format}` });
      continue;
    }
    const b64_json = (await picture(format, index)).toString('base64');
    data.push(model === 'dall-e-3' ? { b64_json, revised_prompt: `${body['prompt']}, in detail` } : { b64_json });
  }
  sendJson(response, 200, { created: now(), data, ...described(body, format), usage: usageOf(body, count) });
}

function refusal(state: DoubleState, model: string, body: Json): Json | undefined {
  if (!state.has(model)) {
    return { message: `The model '${model}' does not exist.`, code: 'model_not_found', param: 'model' };
  }
  if (!body['prompt']) return { message: "Missing required parameter: 'prompt'.", param: 'prompt' };
  const gpt = model.startsWith('gpt-image');
  if (gpt && body['response_format'] !== undefined) {
    return { message: "Unknown parameter: 'response_format'.", code: 'unknown_parameter', param: 'response_format' };
  }
  if (!gpt && body['stream'] !== undefined) {
    return { message: 'Streaming is not supported for this model.', param: 'stream' };
  }
  return undefined;
}

interface ImageWork {
  body: Json;
  format: 'png' | 'jpeg' | 'webp';
  fault: Fault | undefined;
  gone: AbortSignal;
  marker: string;
}

/** The client has hung up. */
function stop(state: DoubleState, marker: string): void {
  state.stopped += 1;
  state.ledger.stopped.push(marker);
}

async function pourBase64(bytes: number, response: ServerResponse): Promise<void> {
  const piece = 'QUFB'.repeat(16_384);
  for (let written = 0; written < bytes && !response.destroyed; written += piece.length) {
    if (!response.write(piece)) await drained(response);
  }
  response.end('"}]}');
}

async function stream(state: DoubleState, route: 'generations' | 'edits', work: ImageWork, events: EventStream) {
  const { body, format, fault } = work;
  const prefix = route === 'edits' ? 'image_edit' : 'image_generation';
  const about = { created_at: now(), ...described(body, format) };
  const partials = Number(body['partial_images'] ?? 0);
  for (let index = 0; index < partials; index++) {
    if (fault && index === afterOf(fault) && interrupt(fault, events)) return;
    if (!(await state.step(index + 2, work.marker, work.gone))) return stop(state, work.marker);
    const b64_json = (await picture(format, index)).toString('base64');
    const type = `${prefix}.partial_image`;
    events.send({ type, ...about, b64_json, partial_image_index: index }, type);
  }
  if (fault && afterOf(fault) >= partials && interrupt(fault, events)) return;
  const b64_json = (await picture(format, partials)).toString('base64');
  const type = `${prefix}.completed`;
  events.send({ type, ...about, b64_json, usage: usageOf(body, 1) }, type);
  events.end();
}

function described(body: Json, format: string): Json {
  return {
    background: body['background'] === 'transparent' ? 'transparent' : 'opaque',
    output_format: format,
    size: body['size'] && body['size'] !== 'auto' ? body['size'] : '1024x1024',
    quality: body['quality'] && body['quality'] !== 'auto' ? body['quality'] : 'high',
  };
}

function usageOf(body: Json, count: number): Json {
  const text = String(body['prompt']).split(/\s+/).length;
  return {
    input_tokens: text,
    input_tokens_details: { text_tokens: text, image_tokens: 0 },
    output_tokens: 1_000 * count,
    total_tokens: text + 1_000 * count,
  };
}

/** A real picture. */
export function picture(format: 'png' | 'jpeg' | 'webp', shade: number): Promise<Buffer> {
  const background = { r: 40, g: (shade * 60) % 256, b: 120 };
  return sharp({ create: { width: 16, height: 16, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}
