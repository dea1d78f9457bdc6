import type { OpenAI } from 'openai';
import type { Part, Turn } from './conversation.ts';
import type { TextPayload } from './text-payload.schema.ts';

/** What is asked of the model, whatever API carries it. */
export type TextWish = Pick<
  TextPayload,
  | 'instructions'
  | 'max_output_tokens'
  | 'temperature'
  | 'top_p'
  | 'reasoning_effort'
  | 'verbosity'
  | 'format'
  | 'service_tier'
  | 'store'
  | 'tools'
  | 'tool_choice'
  | 'stop'
  | 'seed'
  | 'previous_response_id'
  | 'extra_body'
> & { model: string; turns: Turn[] };

type ResponsesBody = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream'>;
type ChatBody = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, 'stream'>;

/** The request for POST /responses. */
export function responsesBody(wish: TextWish): ResponsesBody {
  const { format, verbosity, tools, tool_choice: choice } = wish;
  const text = { ...(format ? { format } : {}), ...(verbosity ? { verbosity } : {}) };
  return defined({
    model: wish.model,
    input: wish.turns.flatMap(inputItems),
    instructions: wish.instructions,
    max_output_tokens: wish.max_output_tokens,
    temperature: wish.temperature,
    top_p: wish.top_p,
    reasoning: wish.reasoning_effort ? { effort: wish.reasoning_effort } : undefined,
    text: Object.keys(text).length > 0 ? text : undefined,
    tools: tools?.map(({ parameters, strict, ...tool }) => ({
      type: 'function',
      ...tool,
      parameters: parameters ?? NO_ARGUMENTS,
      strict: strict ?? false,
    })),
    tool_choice: typeof choice === 'object' ? { type: 'function', name: choice.name } : choice,
    service_tier: wish.service_tier,
    store: wish.store,
    previous_response_id: wish.previous_response_id,
    ...wish.extra_body,
  }) as ResponsesBody;
}

const NO_ARGUMENTS = { type: 'object', properties: {} };

function inputItems({ role, parts, tool_calls, tool_call_id }: Turn): unknown[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: tool_call_id, output: textOf(parts) }];
  const content = parts.map((part) =>
    part.type === 'text'
      ? { type: 'input_text', text: part.text }
      : { type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto' },
  );
  // What the model has said itself goes back as plain text: as parts it would need the ids it had.
  const said = role === 'assistant' ? textOf(parts) : content;
  const calls = (tool_calls ?? []).map(({ id, ...call }) => ({ type: 'function_call', call_id: id, ...call }));
  return [...(parts.length > 0 ? [{ type: 'message', role, content: said }] : []), ...calls];
}

/** The request for POST /chat/completions. @param limitField the name the server knows the token limit by */
export function chatBody(wish: TextWish, limitField: 'max_completion_tokens' | 'max_tokens'): ChatBody {
  const { format, tools, tool_choice: choice } = wish;
  const { type: _, ...schema } = format?.type === 'json_schema' ? format : { type: '' };
  return defined({
    model: wish.model,
    messages: [
      ...(wish.instructions ? [{ role: 'system', content: wish.instructions }] : []),
      ...wish.turns.map(chatMessage),
    ],
    [limitField]: wish.max_output_tokens,
    temperature: wish.temperature,
    top_p: wish.top_p,
    reasoning_effort: wish.reasoning_effort,
    verbosity: wish.verbosity,
    response_format: format?.type === 'json_schema' ? { type: 'json_schema', json_schema: schema } : format,
    tools: tools?.map((tool) => ({ type: 'function', function: defined({ ...tool }) })),
    tool_choice: typeof choice === 'object' ? { type: 'function', function: choice } : choice,
    stop: wish.stop,
    seed: wish.seed,
    service_tier: wish.service_tier,
    store: wish.store,
    ...wish.extra_body,
  }) as unknown as ChatBody;
}

function chatMessage({ role, parts, tool_calls, tool_call_id }: Turn): unknown {
  if (role === 'tool') return { role, tool_call_id, content: textOf(parts) };
  const plain = parts.every((part) => part.type === 'text');
  const content = plain
    ? textOf(parts)
    : parts.map((part) =>
        part.type === 'text' ? part : { type: 'image_url', image_url: defined({ url: part.url, detail: part.detail }) },
      );
  const calls = tool_calls?.map(({ id, ...call }) => ({ id, type: 'function', function: call }));
  return { role, content: parts.length > 0 ? content : null, ...(calls ? { tool_calls: calls } : {}) };
}

function textOf(parts: Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** Without the undefined ones: some servers refuse a null. */
function defined<T extends Record<string, unknown>>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
