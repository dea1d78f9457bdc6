import type { OpenAI } from 'openai';
import type { ToolCall } from './conversation.ts';

export interface Usage {
  input_tokens: number;
  /** Part of the input. */
  cached_input_tokens: number;
  output_tokens: number;
  /** Part of the output. */
  reasoning_tokens: number;
  total_tokens: number;
}

/** What a model has written, whatever API it came by. */
export interface TextAnswer {
  text: string;
  /** The model's own words for why it does not answer. */
  refusal?: string;
  tool_calls: ToolCall[];
  finish_reason: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  /** As the server names it, with its date. */
  model: string;
  response_id?: string;
  request_id?: string;
  /** undefined when the server does not count. */
  usage?: Usage;
  /** An earlier attempt has asked. */
  reattached: boolean;
}

type Facts = Pick<TextAnswer, 'request_id' | 'reattached'>;

/** @param response one that has completed, or is incomplete */
export function answerOfResponse(response: OpenAI.Responses.Response, facts: Facts): TextAnswer {
  const contents = response.output.flatMap((item) => (item.type === 'message' ? item.content : []));
  const refusals = contents.flatMap((content) => (content.type === 'refusal' ? [content.refusal] : []));
  const calls = response.output.flatMap((item) =>
    item.type === 'function_call' ? [{ id: item.call_id, name: item.name, arguments: item.arguments }] : [],
  );
  const { usage } = response;
  return {
    text: contents.map((content) => (content.type === 'output_text' ? content.text : '')).join(''),
    refusal: refusals.length > 0 ? refusals.join('\n') : undefined,
    tool_calls: calls,
    finish_reason: finishOf(response, calls.length > 0),
    model: response.model,
    response_id: response.id,
    usage: usage && {
      input_tokens: usage.input_tokens,
      cached_input_tokens: usage.input_tokens_details?.cached_tokens ?? 0,
      output_tokens: usage.output_tokens,
      reasoning_tokens: usage.output_tokens_details?.reasoning_tokens ?? 0,
      total_tokens: usage.total_tokens,
    },
    ...facts,
  };
}

function finishOf(response: OpenAI.Responses.Response, calls: boolean): TextAnswer['finish_reason'] {
  if (response.status === 'incomplete') {
    return response.incomplete_details?.reason === 'content_filter' ? 'content_filter' : 'length';
  }
  return calls ? 'tool_calls' : 'stop';
}

export function usageOfChat(usage: OpenAI.CompletionUsage | null | undefined): Usage | undefined {
  if (!usage) return undefined;
  return {
    input_tokens: usage.prompt_tokens,
    cached_input_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    output_tokens: usage.completion_tokens,
    reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    total_tokens: usage.total_tokens,
  };
}
