import type { ServerResponse } from 'node:http';
import { afterOf, interruptStream, pour } from '../hosted/interrupt.ts';
import type { Fault } from '../hosted/faults.ts';
import { markerIn } from '../hosted/stages.ts';
import { countInput, tokensFor, type DoubleState } from '../hosted/state.ts';
import { EventStream, goneSignal, newId, type Json } from '../hosted/wire.ts';
import { anthropicError } from './answers.ts';

/** POST /v1/messages */
export async function createMessage(
  state: DoubleState,
  body: Json,
  fault: Fault | undefined,
  response: ServerResponse,
): Promise<void> {
  const heard = hear(body['messages'] ?? []);
  const problem = refusal(state, body, heard);
  if (problem) return answer(problem, response);
  const id = newId('msg_');
  const marker = markerIn(body);
  state.paid.messages += 1;
  state.ledger.taken.push({ id, marker });
  if (fault?.kind === 'reset') return void response.destroy();
  if (fault?.kind === 'hang') return;
  const { tokens, cut } = tokensFor(state, heard.texts.at(-1) ?? '', body['max_tokens'] as number);
  const stopped = state.stopReason ?? (state.toolCalls.length > 0 ? 'tool_use' : cut ? 'max_tokens' : 'end_turn');
  const work: MessageWork = {
    state,
    fault,
    id,
    marker,
    tokens: state.toolCalls.length > 0 ? [] : tokens,
    model: String(body['model']),
    thinks: body['thinking']?.type === 'enabled' || body['thinking']?.type === 'adaptive',
    stopReason: fault?.kind === 'filtered' ? 'refusal' : stopped,
    inputTokens: countInput(heard.texts, heard.images),
    gone: goneSignal(response),
  };
  if (body['stream']) await stream(work, new EventStream(response));
  else await whole(work, response);
}

interface MessageWork {
  state: DoubleState;
  fault: Fault | undefined;
  id: string;
  marker: string;
  tokens: string[];
  model: string;
  thinks: boolean;
  stopReason: string;
  inputTokens: number;
  gone: AbortSignal;
}

function stop({ state, marker }: MessageWork): void {
  state.stopped += 1;
  state.ledger.stopped.push(marker);
}

async function whole(work: MessageWork, response: ServerResponse): Promise<void> {
  const { state, tokens, fault } = work;
  for (const [index] of tokens.entries()) if (!(await state.step(index, work.marker, work.gone))) return stop(work);
  if (!(await state.stages.pass('finishing', work.marker, work.gone))) return;
  response.writeHead(200, { 'content-type': 'application/json' });
  if (fault?.kind === 'malformed' || state.malformed) return void response.end('{"id": "msg_');
  const content = [...blocksOf(work)].map(({ block }) => block);
  const message = { ...messageOf(work), content, stop_reason: work.stopReason, stop_details: detailsOf(work) };
  response.end(JSON.stringify({ ...message, usage: usageOf(work, tokens.length) }));
}

async function stream(work: MessageWork, events: EventStream): Promise<void> {
  const { state, fault } = work;
  const emit = (type: string, data: Json = {}) => events.send({ type, ...data }, type);
  emit('message_start', { message: { ...messageOf(work), usage: usageOf(work, 1) } });
  emit('ping');
  let said = 0;
  for (const [index, { empty, deltas }] of [...blocksOf(work)].entries()) {
    emit('content_block_start', { index, content_block: empty });
    for (const { delta, token } of deltas) {
      if (token && fault && said === afterOf(fault) && interrupt(fault, events)) return;
      if (token && !(await state.step(said, work.marker, work.gone))) return stop(work);
      if (token && state.malformed) return void interrupt({ kind: 'garbage' }, events);
      if (token) said += 1;
      emit('content_block_delta', { index, delta });
    }
    emit('content_block_stop', { index });
  }
  if (state.hugeBytes > 0) {
    await pour(state.hugeBytes, (text) => {
      const data = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
      return events.pour(`event: content_block_delta\ndata: ${JSON.stringify(data)}\n\n`);
    });
  }
  if (fault && afterOf(fault) >= said && interrupt(fault, events)) return;
  if (!(await state.stages.pass('finishing', work.marker, work.gone))) return;
  const delta = { container: null, stop_details: detailsOf(work), stop_reason: work.stopReason, stop_sequence: null };
  emit('message_delta', { delta, usage: { ...usageOf(work, work.tokens.length), cache_creation: undefined } });
  emit('message_stop');
  events.end();
}

/** Carries out a fault in the middle of a stream. @returns whether the stream is over */
function interrupt(fault: Fault, events: EventStream): boolean {
  return interruptStream(fault, events, {
    garbage: 'event: content_block_delta\ndata: {"type": "content_',
    sendError: (to, error = { type: 'overloaded_error', message: 'Overloaded' }) =>
      to.send({ type: 'error', error, request_id: 'req_double' }, 'error'),
  });
}

/** Content blocks, empty and whole, with what leads from one to the other. */
function* blocksOf(
  work: MessageWork,
): Generator<{ empty: Json; block: Json; deltas: { delta: Json; token?: true }[] }> {
  if (work.thinks) {
    const block = { type: 'thinking', thinking: 'Let me see.', signature: 'c2lnbmVk' };
    const deltas = [
      { delta: { type: 'thinking_delta', thinking: 'Let me see.' } },
      { delta: { type: 'signature_delta', signature: 'c2lnbmVk' } },
    ];
    yield { empty: { ...block, thinking: '', signature: '' }, block, deltas };
  }
  if (work.tokens.length > 0) {
    const block = { type: 'text', text: work.tokens.join(''), citations: null };
    const deltas = work.tokens.map((text) => ({ delta: { type: 'text_delta', text }, token: true as const }));
    yield { empty: { ...block, text: '' }, block, deltas };
  }
  for (const [index, call] of work.state.toolCalls.entries()) {
    const block = {
      type: 'tool_use',
      id: `toolu_${index}`,
      name: call.name,
      input: JSON.parse(call.arguments) as Json,
    };
    const [first, rest] = [call.arguments.slice(0, 3), call.arguments.slice(3)];
    const deltas = ['', first, ...(work.state.cutArguments ? [] : [rest])].map((partial_json) => ({
      delta: { type: 'input_json_delta', partial_json },
    }));
    yield { empty: { ...block, input: {} }, block, deltas };
  }
}

function messageOf({ id, model }: MessageWork): Json {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model: `${model}-20260101`,
    content: [],
    container: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
  };
}

function detailsOf({ stopReason }: MessageWork): Json | null {
  return stopReason === 'refusal' ? { type: 'refusal', category: 'cyber', explanation: 'not with me' } : null;
}

function usageOf({ inputTokens, state }: MessageWork, output: number): Json {
  const cached = Math.min(state.cachedTokens, inputTokens);
  return {
    input_tokens: inputTokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    cache_creation: null,
    output_tokens: output,
    output_tokens_details: null,
    server_tool_use: null,
    inference_geo: null,
    service_tier: 'standard',
  };
}

interface HeardMessages {
  texts: string[];
  images: number;
  /** A picture or an order of messages that the API refuses. */
  wrong?: string;
}

function refusal(state: DoubleState, body: Json, heard: HeardMessages) {
  const model = String(body['model'] ?? '');
  const invalid = (message: string) => anthropicError(400, 'invalid_request_error', message);
  if (!state.has(model)) return anthropicError(404, 'not_found_error', `model: ${model}`);
  if (!Number.isInteger(body['max_tokens'])) return invalid('max_tokens: Field required');
  if (heard.wrong) return invalid(heard.wrong);
  const input = countInput(heard.texts, heard.images);
  if (input <= state.contextTokens) return undefined;
  return invalid(`prompt is too long: ${input} tokens > ${state.contextTokens} maximum`);
}

function hear(messages: Json[]): HeardMessages {
  const heard: HeardMessages = { texts: [], images: 0 };
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== 'user' && role !== 'assistant')
      heard.wrong = `messages.${index}.role: Input should be 'user' or 'assistant'`;
    if (typeof content === 'string') heard.texts.push(content);
    for (const part of Array.isArray(content) ? (content as Json[]) : []) {
      if (part['type'] === 'text') heard.texts.push(String(part['text']));
      if (part['type'] === 'image') {
        heard.images += 1;
        const { type, media_type, data } = part['source'] as Json;
        const fine =
          type === 'base64' && /^image\/(png|jpeg|webp|gif)$/.test(media_type) && /^[A-Za-z0-9+/]+=*$/.test(data);
        if (!fine) heard.wrong = `messages.${index}.content.0.image.source: Input should be a valid picture`;
      }
    }
  }
  return heard;
}

export function answer(fault: ReturnType<typeof anthropicError>, response: ServerResponse): void {
  response.writeHead(fault.status, fault.headers);
  response.end(fault.body);
}
