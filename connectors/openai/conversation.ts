import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
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

const PICTURES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];
/** All pictures of a request together. Bytes. */
const MAX_PICTURES = 64 * 1_048_576;

/** Pictures of one job, read as they are needed. */
export class Pictures {
  readonly #context: JobContext | undefined;
  #bytes = 0;

  constructor(context: JobContext | undefined) {
    this.#context = context;
  }

  /** @throws ConnectorError `validation` when it is no picture of a kind that is taken, or all are too large together */
  async open(reference: string, pointer: string): Promise<string> {
    if (!this.#context) throw new ConnectorError('internal', 'Pictures need a job context to be read');
    const file = await this.#context.openInput(reference, pointer);
    const refuse = (detail: string, hint: string) =>
      new ConnectorError('validation', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
    if (!PICTURES.includes(file.mime)) throw refuse(`is ${file.mime}`, `give one of: ${PICTURES.join(', ')}`);
    this.#bytes += file.bytes;
    if (this.#bytes > MAX_PICTURES)
      throw refuse('is too large', `all pictures together: at most ${MAX_PICTURES} bytes`);
    return `data:${file.mime};base64,${(await readFile(file.path)).toString('base64')}`;
  }
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
        const url = await pictures.open(part.image, `/payload/messages/${index}/content/${at}/image`);
        parts.push({ type: 'image', url, detail: part.detail });
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
