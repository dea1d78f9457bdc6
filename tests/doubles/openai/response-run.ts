import { afterOf } from '../hosted/interrupt.ts';
import type { Heard } from './check.ts';
import type { Fault } from '../hosted/faults.ts';
import { markerIn } from '../hosted/stages.ts';
import { countInput, tokensFor, type DoubleState } from '../hosted/state.ts';
import { newId, now, type Json } from '../hosted/wire.ts';

/** The life of one response: its object, its numbered events, and who listens. */
export class ResponseRun {
  readonly id = newId('resp_');
  readonly background: boolean;
  /** Only a response that was asked for as a stream can be read as one later. */
  readonly streamable: boolean;
  readonly events: Json[] = [];
  object: Json;
  readonly #state: DoubleState;
  readonly #body: Json;
  readonly #heard: Heard;
  readonly #fault: Fault | undefined;
  readonly #stop = new AbortController();
  readonly marker: string;
  readonly #listeners = new Set<(event: Json | undefined) => void>();

  constructor(state: DoubleState, body: Json, heard: Heard, fault: Fault | undefined) {
    this.#state = state;
    this.#body = body;
    this.#heard = heard;
    this.#fault = fault;
    this.marker = markerIn(body);
    this.background = body['background'] === true;
    this.streamable = body['stream'] === true;
    this.object = this.#template();
  }

  get over(): boolean {
    return !['queued', 'in_progress'].includes(this.object['status']);
  }

  /** @param heard gets the events after that number, then `undefined` at the end */
  listen(after: number, heard: (event: Json | undefined) => void): () => void {
    for (const event of this.events) if (event['sequence_number'] > after) heard(event);
    if (this.over) heard(undefined);
    else this.#listeners.add(heard);
    return () => this.#listeners.delete(heard);
  }

  /** Ends it from outside: a cancel, or the client of a plain response has gone. */
  stop(): void {
    if (this.over) return;
    this.#stop.abort();
    this.#state.ledger.stopped.push(this.marker);
    this.object = { ...this.object, status: 'cancelled' };
    this.#finish();
  }

  async generate(): Promise<void> {
    this.#emit('response.created', { response: { ...this.object } });
    if (this.background) this.#emit('response.queued', { response: { ...this.object } });
    if (!(await this.#state.pace.before(-1, this.#stop.signal))) return;
    this.object['status'] = 'in_progress';
    this.#emit('response.in_progress', { response: { ...this.object } });
    const { tokens, cut } = tokensFor(
      this.#state,
      this.#heard.texts.at(-1) ?? '',
      this.#body['max_output_tokens'] as number | undefined,
    );
    for (const item of await this.#items(tokens)) this.object['output'].push(item);
    if (this.over || !(await this.#state.stages.pass('finishing', this.marker, this.#stop.signal))) return;
    const filtered = this.#fault?.kind === 'filtered';
    this.#end(
      filtered || cut
        ? { status: 'incomplete', incomplete_details: { reason: filtered ? 'content_filter' : 'max_output_tokens' } }
        : { status: 'completed', completed_at: now() },
      tokens.length,
    );
  }

  async #items(tokens: string[]): Promise<Json[]> {
    if (this.#state.toolCalls.length > 0) return this.#state.toolCalls.map((call, index) => this.#call(call, index));
    const item: Json = { id: newId('msg_'), type: 'message', status: 'in_progress', role: 'assistant', content: [] };
    const at = { item_id: item['id'] as string, output_index: 0, content_index: 0 };
    const { refusal } = this.#state;
    this.#emit('response.output_item.added', { output_index: 0, item: { ...item } });
    if (refusal) {
      this.#emit('response.refusal.delta', { ...at, delta: refusal });
      this.#emit('response.refusal.done', { ...at, refusal });
      item['content'] = [{ type: 'refusal', refusal }];
    } else {
      const part = { type: 'output_text', text: '', annotations: [], logprobs: [] };
      this.#emit('response.content_part.added', { ...at, part });
      for (const [index, delta] of tokens.entries()) {
        if (index === this.#failsAfter && this.#failNow()) return [];
        if (!(await this.#state.step(index, this.marker, this.#stop.signal))) return [];
        this.#emit('response.output_text.delta', { ...at, delta, logprobs: [], obfuscation: 'abc' });
      }
      if (this.#failsAfter >= tokens.length && this.#failNow()) return [];
      const text = tokens.join('');
      this.#emit('response.output_text.done', { ...at, text, logprobs: [] });
      this.#emit('response.content_part.done', { ...at, part: { ...part, text } });
      item['content'] = [{ ...part, text }];
    }
    item['status'] = 'completed';
    this.#emit('response.output_item.done', { output_index: 0, item });
    return [item];
  }

  #call(call: { name: string; arguments: string }, index: number): Json {
    const item = { id: newId('fc_'), type: 'function_call', status: 'completed', call_id: `call_${index}`, ...call };
    const at = { item_id: item.id, output_index: index };
    this.#emit('response.output_item.added', { output_index: index, item: { ...item, arguments: '' } });
    this.#emit('response.function_call_arguments.delta', { ...at, delta: call.arguments });
    this.#emit('response.function_call_arguments.done', { ...at, name: call.name, arguments: call.arguments });
    this.#emit('response.output_item.done', { output_index: index, item });
    return item;
  }

  get #failsAfter(): number {
    return this.#fault?.kind === 'failed' ? afterOf(this.#fault) : -1;
  }

  #failNow(): boolean {
    if (this.#fault?.kind !== 'failed') return false;
    this.#end({ status: 'failed', error: this.#fault.error ?? { code: 'server_error', message: 'It went wrong' } }, 0);
    return true;
  }

  #end(change: Json, outputTokens: number): void {
    const input = countInput(this.#heard.texts, this.#heard.images.length);
    const usage = {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + outputTokens,
    };
    this.object = { ...this.object, ...change, usage: change['status'] === 'failed' ? null : usage };
    this.#emit(`response.${change['status']}`, { response: { ...this.object } });
    this.#finish();
  }

  #finish(): void {
    for (const heard of this.#listeners) heard(undefined);
    this.#listeners.clear();
  }

  #emit(type: string, data: Json): void {
    const event = { type, ...data, sequence_number: this.events.length };
    this.events.push(event);
    for (const heard of this.#listeners) heard(event);
  }

  #template(): Json {
    const body = this.#body;
    return {
      id: this.id,
      object: 'response',
      created_at: now(),
      status: this.background ? 'queued' : 'in_progress',
      background: this.background,
      error: null,
      incomplete_details: null,
      instructions: body['instructions'] ?? null,
      max_output_tokens: body['max_output_tokens'] ?? null,
      model: `${body['model']}-2026-01-01`,
      output: [],
      parallel_tool_calls: true,
      previous_response_id: body['previous_response_id'] ?? null,
      reasoning: { effort: body['reasoning']?.effort ?? null, summary: null },
      store: body['store'] ?? true,
      temperature: body['temperature'] ?? 1,
      text: body['text'] ?? { format: { type: 'text' } },
      tool_choice: body['tool_choice'] ?? 'auto',
      tools: body['tools'] ?? [],
      top_p: body['top_p'] ?? 1,
      truncation: 'disabled',
      usage: null,
      metadata: body['metadata'] ?? {},
    };
  }
}
