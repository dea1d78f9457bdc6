import type { ServerResponse } from 'node:http';
import { afterOf, pour } from '../hosted/interrupt.ts';
import { interrupt } from './interrupt.ts';
import { accept, type Heard } from './check.ts';
import type { Fault } from '../hosted/faults.ts';
import { markerIn } from '../hosted/stages.ts';
import { countInput, tokensFor, type DoubleState } from '../hosted/state.ts';
import { EventStream, goneSignal, newId, now, sendJson, type Json } from '../hosted/wire.ts';

/** POST /chat/completions */
export async function chatCompletion(
  state: DoubleState,
  body: Json,
  fault: Fault | undefined,
  response: ServerResponse,
): Promise<void> {
  const heard = hear(body['messages'] ?? []);
  if (!accept(state, body, heard, 'messages', response)) return;
  const base = { id: newId('chatcmpl-'), created: now(), model: `${body['model']}-2026-01-01` };
  const marker = markerIn(body);
  state.paid.chat += 1;
  state.ledger.taken.push({ id: base.id, marker });
  if (fault?.kind === 'reset') return void response.destroy();
  if (fault?.kind === 'hang') return;
  const max = (body['max_completion_tokens'] ?? body['max_tokens']) as number | undefined;
  const { tokens, cut } = tokensFor(state, heard.texts.at(-1) ?? '', max);
  const work: ChatWork = {
    state,
    fault,
    tokens,
    finish: state.toolCalls.length > 0 ? 'tool_calls' : cut ? 'length' : 'stop',
    base,
    marker,
    usage: {
      prompt_tokens: countInput(heard.texts, heard.images.length),
      completion_tokens: tokens.length,
      total_tokens: countInput(heard.texts, heard.images.length) + tokens.length,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    gone: goneSignal(response),
  };
  if (body['stream']) {
    const wantsUsage = body['stream_options']?.include_usage === true && !state.lacks.has('stream_usage');
    await stream(work, new EventStream(response), wantsUsage);
  } else await whole(work, response);
}

interface ChatWork {
  state: DoubleState;
  fault: Fault | undefined;
  tokens: string[];
  finish: string;
  base: { id: string; created: number; model: string };
  marker: string;
  usage: Json;
  gone: AbortSignal;
}

/** The client has hung up. */
function stop({ state, marker }: ChatWork): void {
  state.stopped += 1;
  state.ledger.stopped.push(marker);
}

async function whole(work: ChatWork, response: ServerResponse): Promise<void> {
  const { state, fault, tokens, base, usage } = work;
  for (const [index] of tokens.entries()) if (!(await state.step(index, work.marker, work.gone))) return stop(work);
  if (!(await state.stages.pass('finishing', work.marker, work.gone))) return;
  if (fault?.kind === 'malformed' || state.malformed) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"id": "chatcmpl-');
    return;
  }
  const filtered = fault?.kind === 'filtered';
  const message = {
    role: 'assistant',
    content: state.refusal || state.toolCalls.length > 0 ? null : tokens.join(''),
    refusal: state.refusal ?? null,
    ...(state.toolCalls.length > 0 ? { tool_calls: toolCalls(state) } : {}),
  };
  const choice = { index: 0, message, logprobs: null, finish_reason: filtered ? 'content_filter' : work.finish };
  sendJson(response, 200, { ...base, object: 'chat.completion', choices: [choice], usage });
}

async function stream(work: ChatWork, events: EventStream, wantsUsage: boolean): Promise<void> {
  const { state, fault, base } = work;
  const usage = wantsUsage ? { usage: null } : {};
  const chunkOf = (delta: Json, finish: string | null = null) =>
    `data: ${JSON.stringify({
      ...base,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...usage,
      obfuscation: 'x'.repeat(1 + Math.floor(Math.random() * 8)),
    })}\n\n`;
  const chunk = (delta: Json, finish: string | null = null) => events.raw(chunkOf(delta, finish));
  chunk({ role: 'assistant', content: '', refusal: null });
  const said = state.refusal || state.toolCalls.length > 0 ? [] : work.tokens;
  for (const [index, token] of said.entries()) {
    if (fault && index === afterOf(fault) && interrupt(fault, events)) return;
    if (!(await state.step(index, work.marker, work.gone))) return stop(work);
    if (state.malformed) return void interrupt({ kind: 'garbage' }, events);
    chunk({ content: token });
  }
  if (state.hugeBytes > 0) await pour(state.hugeBytes, (text) => events.pour(chunkOf({ content: text })));
  if (fault && afterOf(fault) >= said.length && interrupt(fault, events)) return;
  if (state.refusal) chunk({ refusal: state.refusal });
  for (const [index, call] of toolCalls(state).entries()) {
    const { arguments: args, name } = call.function;
    chunk({ tool_calls: [{ index, id: call.id, type: 'function', function: { name, arguments: '' } }] });
    chunk({ tool_calls: [{ index, function: { arguments: args.slice(0, 3) } }] });
    chunk({ tool_calls: [{ index, function: { arguments: args.slice(3) } }] });
  }
  if (!(await state.stages.pass('finishing', work.marker, work.gone))) return;
  chunk({}, fault?.kind === 'filtered' ? 'content_filter' : work.finish);
  if (wantsUsage) events.send({ ...base, object: 'chat.completion.chunk', choices: [], usage: work.usage });
  events.send('[DONE]');
  events.end();
}

function toolCalls(state: DoubleState) {
  return state.toolCalls.map((call, index) => ({ id: `call_${index}`, type: 'function', function: { ...call } }));
}

function hear(messages: Json[]): Heard {
  const heard: Heard = { texts: [], images: [] };
  for (const { content } of messages) {
    if (typeof content === 'string') heard.texts.push(content);
    for (const part of Array.isArray(content) ? (content as Json[]) : []) {
      if (part['type'] === 'text') heard.texts.push(String(part['text']));
      if (part['type'] === 'image_url') heard.images.push(String(part['image_url']?.url));
    }
  }
  return heard;
}
