import type { Anthropic } from '@anthropic-ai/sdk';
import type { Writing } from '../base/hosted/writing.ts';
import { ConnectorError } from '../contract/connector-error.ts';

type Block = Anthropic.ContentBlock;

/** Puts a message together from the events of its stream. */
export class MessageAnswer {
  readonly #writing: Writing;
  readonly #blocks: Block[] = [];
  /** Arguments of tools come as pieces of JSON, by block. */
  readonly #arguments = new Map<number, string>();
  #message: Anthropic.Message | undefined;
  #over = false;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  /** Whether why it stopped is known: what follows that adds nothing. */
  get whole(): boolean {
    return this.#over || (this.#message?.stop_reason ?? null) !== null;
  }

  /** @throws ConnectorError `backend_error` before the message has begun */
  get message(): Anthropic.Message {
    if (!this.#message) throw new ConnectorError('backend_error', 'the stream holds no message');
    return { ...this.#message, content: this.#blocks.map((block, index) => this.#finished(block, index)) };
  }

  take(event: Anthropic.RawMessageStreamEvent): void {
    switch (event.type) {
      case 'message_start':
        this.#message = event.message;
        break;
      case 'content_block_start':
        this.#blocks[event.index] = { ...event.content_block };
        break;
      case 'content_block_delta':
        this.#grow(event.index, event.delta);
        break;
      case 'message_delta':
        this.#end(event);
        break;
      case 'message_stop':
        this.#over = true;
        break;
      case 'content_block_stop':
      default:
    }
  }

  #grow(index: number, delta: Anthropic.RawContentBlockDelta): void {
    const block = this.#blocks[index];
    if (delta.type === 'text_delta') {
      this.#writing.add(delta.text);
      if (block?.type === 'text') block.text += delta.text;
    } else if (delta.type === 'input_json_delta') {
      this.#writing.work('writes arguments');
      this.#arguments.set(index, (this.#arguments.get(index) ?? '') + delta.partial_json);
    } else if (delta.type === 'thinking_delta') {
      this.#writing.work('thinks');
      if (block?.type === 'thinking') block.thinking += delta.thinking;
    } else if (delta.type === 'signature_delta' && block?.type === 'thinking') {
      block.signature = delta.signature;
    }
  }

  /** Its counts are of the whole message so far; those it leaves out are as at the start. */
  #end({ delta, usage }: Anthropic.RawMessageDeltaEvent): void {
    if (!this.#message) return;
    const counted = Object.fromEntries(
      Object.entries(usage).filter(([, count]) => count !== null && count !== undefined),
    );
    this.#message = {
      ...this.#message,
      stop_reason: delta.stop_reason,
      stop_sequence: delta.stop_sequence,
      stop_details: delta.stop_details,
      usage: { ...this.#message.usage, ...counted },
    };
  }

  #finished(block: Block, index: number): Block {
    const text = this.#arguments.get(index);
    if (!text || !('input' in block)) return block;
    try {
      return { ...block, input: JSON.parse(text) as unknown };
    } catch {
      // Cut off at the limit of tokens: half a document is shown as the text it is.
      return { ...block, input: { unfinished: text } };
    }
  }
}
