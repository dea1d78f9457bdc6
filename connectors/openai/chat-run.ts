import { APIConnectionError, APIError, type OpenAI } from 'openai';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ToolCall } from './conversation.ts';
import { chatBody } from './request-body.ts';
import { usageOfChat, type TextAnswer } from './text-answer.ts';
import type { TextJob } from './text-job.ts';

/**
 * Gets a text from POST /chat/completions. The API gives no id to come back with: an answer that is lost is lost.
 */
export async function runChat(job: TextJob): Promise<TextAnswer> {
  job.paid.refuseToRepeat();
  const { api, wish, signal } = job;
  const { max_tokens_field: field, official } = api.settings;
  const body = chatBody(wish, field === 'auto' ? (official ? 'max_completion_tokens' : 'max_tokens') : field);
  return job.stream ? streamed(job, body) : whole(job, body, signal);
}

type Body = ReturnType<typeof chatBody>;

async function whole(job: TextJob, body: Body, signal: AbortSignal | undefined): Promise<TextAnswer> {
  const { value, exchange } = await job.paid.send(
    (client) => client.chat.completions.create({ ...body, stream: false }),
    { signal },
  );
  const choice = value.choices?.[0];
  if (!choice) return job.paid.failed(strange('its answer has no choices'), 'its answer could not be read');
  const calls = (choice.message.tool_calls ?? []).flatMap((call) =>
    call.type === 'function' ? [{ id: call.id, ...call.function }] : [],
  );
  return {
    text: choice.message.content ?? '',
    refusal: choice.message.refusal ?? undefined,
    tool_calls: calls,
    finish_reason: finishOf(choice.finish_reason),
    model: value.model,
    response_id: value.id,
    request_id: exchange.headers['x-request-id'],
    usage: usageOfChat(value.usage),
    reattached: false,
  };
}

async function streamed(job: TextJob, body: Body): Promise<TextAnswer> {
  const { paid, signal, writing } = job;
  const { value: chunks, exchange } = await paid.send(
    (client) => client.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }),
    { signal },
  );
  const answer = new ChatAnswer();
  try {
    for await (const chunk of chunks) {
      const piece = answer.take(chunk);
      if (piece) writing.add(piece);
    }
    // An aborted stream of the SDK ends without a word, and so does one that was cut in an orderly way.
    signal?.throwIfAborted();
    if (!answer.finish) throw strange('the stream has ended before the answer');
  } catch (error) {
    signal?.throwIfAborted();
    // The text is whole; only the count of tokens is missing.
    if (!answer.finish) {
      const ended = error instanceof APIError && !(error instanceof APIConnectionError);
      return paid.failed(error, `the stream broke off after ${writing.tokens} tokens`, ended);
    }
  }
  return {
    text: writing.text,
    refusal: answer.refusal || undefined,
    tool_calls: answer.calls,
    finish_reason: finishOf(answer.finish),
    model: answer.model,
    response_id: answer.id,
    request_id: exchange.headers['x-request-id'],
    usage: answer.usage,
    reattached: false,
  };
}

type Chunk = OpenAI.Chat.ChatCompletionChunk;

/** Puts together what comes in pieces. */
class ChatAnswer {
  id = '';
  model = '';
  finish: string | undefined;
  refusal = '';
  usage: TextAnswer['usage'];
  readonly calls: ToolCall[] = [];

  /** @returns text that is new */
  take(chunk: Chunk): string | undefined {
    this.id ||= chunk.id ?? '';
    this.model ||= chunk.model ?? '';
    this.usage = usageOfChat(chunk.usage) ?? this.usage;
    const [choice] = chunk.choices ?? [];
    if (!choice) return undefined;
    this.finish = choice.finish_reason ?? this.finish;
    this.refusal += choice.delta?.refusal ?? '';
    for (const piece of choice.delta?.tool_calls ?? []) this.#takeCall(piece);
    return choice.delta?.content ?? undefined;
  }

  #takeCall(piece: NonNullable<Chunk['choices'][number]['delta']['tool_calls']>[number]): void {
    const call = (this.calls[piece.index] ??= { id: '', name: '', arguments: '' });
    call.id ||= piece.id ?? '';
    call.name += piece.function?.name ?? '';
    call.arguments += piece.function?.arguments ?? '';
  }
}

function finishOf(reason: string | null | undefined): TextAnswer['finish_reason'] {
  if (reason === 'length' || reason === 'content_filter') return reason;
  return reason === 'tool_calls' || reason === 'function_call' ? 'tool_calls' : 'stop';
}

function strange(what: string): ConnectorError {
  return new ConnectorError('backend_error', what);
}
