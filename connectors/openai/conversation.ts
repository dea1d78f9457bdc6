import type { Pictures } from '../base/hosted/pictures.ts';
import type { TextPayload } from './text-payload.schema.ts';

export type Part =
  | { type: 'text'; text: string }
  /** `url` is a data URL: the backend never fetches anything for us. */
  | { type: 'image'; url: string; detail: 'auto' | 'low' | 'high' | undefined };

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface Turn {
  role: 'developer' | 'system' | 'user' | 'assistant' | 'tool';
  parts: Part[];
  tool_calls?: ToolCall[];
  tool_call_id?: string;
}

/** All pictures of a request together. Bytes. */
export const MAX_PICTURES = 64 * 1_048_576;

export async function pictureOf(
  pictures: Pictures,
  reference: string,
  pointer: string,
  detail: 'auto' | 'low' | 'high' | undefined,
): Promise<Part> {
  const { mime, base64 } = await pictures.open(reference, pointer);
  return { type: 'image', url: `data:${mime};base64,${base64}`, detail };
}

/** What the model is told, with all pictures read. */
export async function turnsOf(payload: TextPayload, pictures: Pictures): Promise<Turn[]> {
  if (payload.prompt !== undefined) return [{ role: 'user', parts: [{ type: 'text', text: payload.prompt }] }];
  const turns: Turn[] = [];
  for (const [index, { content, ...message }] of (payload.messages ?? []).entries()) {
    const parts: Part[] = typeof content === 'string' ? [{ type: 'text', text: content }] : [];
    for (const [at, part] of Array.isArray(content) ? content.entries() : []) {
      if (part.type === 'text') parts.push(part);
      else {
        const pointer = `/payload/messages/${index}/content/${at}/image`;
        parts.push(await pictureOf(pictures, part.image, pointer, part.detail));
      }
    }
    turns.push({ ...message, parts });
  }
  return turns;
}

/** Rough, for limits and warnings: four characters a token, and about what a picture of middling size costs. */
export function estimateTokens(turns: Turn[], instructions = ''): number {
  const parts = turns.flatMap((turn) => turn.parts);
  const characters = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
  const pictures = parts.filter((part) => part.type === 'image').length;
  return Math.ceil((characters + instructions.length) / 4) + pictures * 800;
}
