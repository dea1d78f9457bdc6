import type { Anthropic } from '@anthropic-ai/sdk';
import type { PictureData, Pictures } from '../base/hosted/pictures.ts';
import type { MessagePayload } from './payload.schema.ts';

export type MessageBody = Omit<Anthropic.MessageCreateParamsNonStreaming, 'stream'>;

/** All pictures of a request together: 32 MB is the API's limit for a request, and base64 makes four bytes of three. */
export const MAX_PICTURES = 22 * 1_000_000;

/** The request for POST /v1/messages, with all pictures read. */
export async function messageBody(
  payload: MessagePayload,
  model: string,
  maxTokens: number,
  pictures: Pictures,
): Promise<MessageBody> {
  const { format, effort, tool_choice: choice } = payload;
  const output = {
    ...(format ? { format } : {}),
    ...(effort ? { effort } : {}),
  };
  const fields = {
    model,
    max_tokens: maxTokens,
    messages: await messagesOf(payload, pictures),
    system: payload.system,
    temperature: payload.temperature,
    stop_sequences: payload.stop_sequences,
    thinking: payload.thinking,
    output_config: Object.keys(output).length > 0 ? output : undefined,
    tools: payload.tools,
    tool_choice: typeof choice === 'object' ? { type: 'tool', name: choice.name } : choice && { type: choice },
    service_tier: payload.service_tier,
    ...payload.extra_body,
  };
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as unknown as MessageBody;
}

async function messagesOf(payload: MessagePayload, pictures: Pictures): Promise<unknown[]> {
  if (payload.prompt !== undefined) {
    const content: unknown[] = [];
    if (payload.image !== undefined) content.push(block(await pictures.open(payload.image, '/payload/image')));
    for (const [index, reference] of (payload.images ?? []).entries()) {
      content.push(block(await pictures.open(reference, `/payload/images/${index}`)));
    }
    return [
      {
        role: 'user',
        // Pictures before the question: what the vendor recommends.
        content: content.length > 0 ? [...content, { type: 'text', text: payload.prompt }] : payload.prompt,
      },
    ];
  }
  const messages: unknown[] = [];
  for (const [index, { role, content }] of (payload.messages ?? []).entries()) {
    if (typeof content === 'string') messages.push({ role, content });
    else {
      const parts: unknown[] = [];
      for (const [at, part] of content.entries()) {
        const pointer = `/payload/messages/${index}/content/${at}/image`;
        parts.push(part.type === 'image' ? block(await pictures.open(part.image, pointer)) : part);
      }
      messages.push({ role, content: parts });
    }
  }
  return messages;
}

function block({ mime, base64 }: PictureData): unknown {
  return { type: 'image', source: { type: 'base64', media_type: mime, data: base64 } };
}

/** Rough, for limits and warnings: four characters a token, and about what a picture of middling size costs. */
export function estimateTokens(body: MessageBody): number {
  let characters = JSON.stringify(body.system ?? '').length;
  let pictures = 0;
  for (const { content } of body.messages) {
    if (typeof content === 'string') characters += content.length;
    else {
      for (const part of content) {
        if (part.type === 'image') pictures += 1;
        else characters += JSON.stringify(part).length;
      }
    }
  }
  return Math.ceil(characters / 4) + pictures * 1_500;
}
