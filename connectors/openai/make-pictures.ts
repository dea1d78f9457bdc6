import { APIConnectionError, APIError, type OpenAI } from 'openai';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { EditInputs } from './edit-inputs.ts';
import type { ImagePayload } from './image-payload.schema.ts';
import { takesResponseFormat } from './image-rules.ts';
import type { OpenAiApi } from './openai-api.ts';
import type { PaidCall } from '../base/hosted/paid-call.ts';

export interface Picture {
  b64_json?: string;
  /** Some servers give an address instead. */
  url?: string;
  revised_prompt?: string;
}

export interface MadePictures {
  pictures: Picture[];
  /** What the server says of them. */
  described: Partial<Record<'size' | 'quality' | 'background' | 'output_format', string>>;
  usage?: {
    input_tokens: number;
    output_tokens: number;
    total_tokens: number;
    input_tokens_details?: { image_tokens?: number; text_tokens?: number };
  };
  requestId: string | undefined;
}

export interface PictureWork {
  api: OpenAiApi;
  payload: ImagePayload;
  model: string;
  inputs: EditInputs | undefined;
  paid: PaidCall<OpenAI>;
  context: JobContext;
  report: ProgressCallback;
  jobId: string;
}

/** Asks for the pictures. The API keeps nothing to come back for: an answer that is lost is lost. */
export async function makePictures(work: PictureWork): Promise<MadePictures> {
  const { jobId: job_id, report, payload } = work;
  void report({ job_id, progress: 1, message: work.inputs ? 'editing' : 'drawing' });
  return payload.partial_images > 0 ? inSteps(work) : atOnce(work);
}

async function atOnce(work: PictureWork): Promise<MadePictures> {
  const { inputs, paid, context } = work;
  const { signal } = context;
  const body = fieldsOf(work);
  const { value, exchange } = await paid.send(
    (client) =>
      inputs
        ? client.images.edit({ ...body, ...filesOf(inputs) } as OpenAI.ImageEditParamsNonStreaming)
        : client.images.generate(body as OpenAI.ImageGenerateParamsNonStreaming),
    { signal },
  );
  const requestId = exchange.headers['x-request-id'];
  const { data, usage } = value;
  if (!data || data.length === 0) {
    const error = new ConnectorError('backend_error', 'the answer holds no picture');
    return paid.failed(error, 'its answer could not be read');
  }
  return { pictures: data, described: describe(value), usage, requestId };
}

async function inSteps(work: PictureWork): Promise<MadePictures> {
  const { inputs, paid, context, payload, report, jobId: job_id } = work;
  const { signal, live } = context;
  const total = payload.partial_images + 1;
  const body = { ...fieldsOf(work), stream: true as const, partial_images: payload.partial_images };
  const { value: events, exchange } = await paid.send(
    (client): PromiseLike<AsyncIterable<OpenAI.ImageGenStreamEvent | OpenAI.ImageEditStreamEvent>> =>
      inputs
        ? client.images.edit({ ...body, ...filesOf(inputs) } as OpenAI.ImageEditParamsStreaming)
        : client.images.generate(body as OpenAI.ImageGenerateParamsStreaming),
    { signal },
  );
  let seen = 0;
  try {
    for await (const event of events) {
      if (event.type === 'image_generation.partial_image' || event.type === 'image_edit.partial_image') {
        seen += 1;
        live?.preview(Buffer.from(event.b64_json, 'base64'), `image/${event.output_format}`, event.partial_image_index);
        const progress = Math.min(95, (100 * seen) / total);
        const message = `unfinished picture ${seen}`;
        void report({ job_id, progress, message, current_step: seen, total_steps: total });
        continue;
      }
      const { usage, b64_json } = event;
      const requestId = exchange.headers['x-request-id'];
      return { pictures: [{ b64_json }], described: describe(event), usage, requestId };
    }
    signal.throwIfAborted();
    throw new ConnectorError('service_unavailable', 'the stream ended before the picture');
  } catch (error) {
    signal.throwIfAborted();
    const ended = error instanceof APIError && !(error instanceof APIConnectionError);
    return paid.failed(error, `the stream broke off after ${seen} unfinished pictures`, ended);
  }
}

function fieldsOf({ payload, model }: PictureWork) {
  const { prompt, n, size, quality, background, output_format, output_compression, moderation, style } = payload;
  const fields = { size, quality, background, output_format, output_compression, moderation, style };
  const { input_fidelity } = payload;
  return {
    prompt,
    model,
    ...(n === 1 ? {} : { n }),
    ...Object.fromEntries(Object.entries({ ...fields, input_fidelity }).filter(([, value]) => value !== undefined)),
    ...(takesResponseFormat(model) ? { response_format: 'b64_json' as const } : {}),
    ...payload.extra_body,
  };
}

function filesOf({ pictures, mask }: EditInputs) {
  return { image: pictures.length === 1 ? pictures[0] : pictures, ...(mask ? { mask } : {}) };
}

function describe(said: { size?: string; quality?: string; background?: string; output_format?: string }) {
  const { size, quality, background, output_format } = said;
  const fields = Object.entries({ size, quality, background, output_format });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as MadePictures['described'];
}
