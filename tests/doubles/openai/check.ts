import type { ServerResponse } from 'node:http';
import { countInput, type DoubleState } from '../hosted/state.ts';
import { sendError, type Json } from '../hosted/wire.ts';

/** Models that think first, and take neither sampling parameters nor the old name of the token limit. */
const REASONING = /^o\d/;

/** What a conversation holds. */
export interface Heard {
  texts: string[];
  images: string[];
}

/** Refuses what the API refuses before any work. @returns whether the request may go on */
export function accept(state: DoubleState, body: Json, heard: Heard, field: string, response: ServerResponse): boolean {
  const model = String(body['model'] ?? '');
  const refuse = (status: number, error: Json) => {
    sendError(response, status, error);
    return false;
  };
  if (!model) return refuse(400, { message: 'you must provide a model parameter', code: null });
  if (!state.has(model)) {
    return refuse(404, {
      message: `The model \`${model}\` does not exist or you do not have access to it.`,
      code: 'model_not_found',
    });
  }
  const sampling = ['temperature', 'top_p', 'max_tokens'].find((name) => body[name] !== undefined);
  if (REASONING.test(model) && sampling) {
    return refuse(400, {
      message: `Unsupported parameter: '${sampling}' is not supported with this model.`,
      code: 'unsupported_parameter',
      param: sampling,
    });
  }
  for (const url of heard.images) {
    if (/^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$/.test(url)) continue;
    return refuse(400, { message: 'Invalid image data.', code: 'invalid_image', param: field });
  }
  const input = countInput(heard.texts, heard.images.length);
  if (input > state.contextTokens) {
    return refuse(400, {
      message: `This model's maximum context length is ${state.contextTokens} tokens. However, your messages resulted in ${input} tokens.`,
      code: 'context_length_exceeded',
      param: field,
    });
  }
  return true;
}
