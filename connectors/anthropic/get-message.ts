import { APIConnectionError, APIError, type Anthropic } from '@anthropic-ai/sdk';
import type { PaidCall } from '../base/hosted/paid-call.ts';
import type { Writing } from '../base/hosted/writing.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { MessageAnswer } from './message-answer.ts';
import type { MessageBody } from './message-body.ts';

export interface MessageWork {
  body: MessageBody;
  stream: boolean;
  betas: readonly string[] | undefined;
  paid: PaidCall<Anthropic>;
  writing: Writing;
  signal: AbortSignal | undefined;
}

export interface GotMessage {
  message: Anthropic.Message;
  requestId: string | undefined;
}

/**
 * Gets a message from POST /v1/messages. The API gives no id to come back with: an answer that is lost is lost, and
 * hanging up is the only way to stop one.
 */
export async function getMessage(work: MessageWork): Promise<GotMessage> {
  work.paid.refuseToRepeat();
  return work.stream ? streamed(work) : whole(work);
}

async function whole({ body, betas, paid, signal }: MessageWork): Promise<GotMessage> {
  const { value, exchange } = await paid.send(
    (client) => client.messages.create({ ...body, stream: false }, headersFor(betas)),
    { signal },
  );
  if (!Array.isArray(value?.content)) {
    const error = new ConnectorError('backend_error', 'the answer holds no message');
    return paid.failed(error, 'its answer could not be read');
  }
  return { message: value, requestId: exchange.headers['request-id'] };
}

async function streamed({ body, betas, paid, signal, writing }: MessageWork): Promise<GotMessage> {
  const { value: events, exchange } = await paid.send(
    (client) => client.messages.create({ ...body, stream: true }, headersFor(betas)),
    { signal },
  );
  const answer = new MessageAnswer(writing);
  try {
    for await (const event of events) answer.take(event);
    // An aborted stream of the SDK ends without a word, and so does one that was cut in an orderly way.
    signal?.throwIfAborted();
    if (!answer.whole) throw new ConnectorError('backend_error', 'the stream has ended before the answer');
  } catch (error) {
    signal?.throwIfAborted();
    if (!answer.whole) {
      const ended = error instanceof APIError && !(error instanceof APIConnectionError);
      return paid.failed(error, `the stream broke off after ${writing.tokens} tokens`, ended);
    }
  }
  return { message: answer.message, requestId: exchange.headers['request-id'] };
}

function headersFor(betas: readonly string[] | undefined) {
  return betas ? { headers: { 'anthropic-beta': betas.join(',') } } : {};
}
