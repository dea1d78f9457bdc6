import { ConnectorError } from '../contract/connector-error.ts';
import type { HttpRequest } from '../http/http-client.ts';
import { readSse } from '../http/sse-stream.ts';
import type { AnswerMapping } from './answer.ts';
import type { Scope } from './expression.ts';
import type { ServiceOf } from './service.schema.ts';
import type { ServiceRuntime } from './service-runtime.ts';
import type { Template } from './template.ts';

/** A piece of an answer, whatever brought it. */
export type StreamEvent =
  | { event: string; id: string | undefined; data: unknown; binary?: undefined }
  | { binary: Buffer };

/** Server-sent events, from the request to the end of the answer. */
export async function* sseEvents(
  runtime: ServiceRuntime<ServiceOf<'stream'>>,
  answers: AnswerMapping,
  request: HttpRequest,
  scope: Scope,
): AsyncGenerator<StreamEvent> {
  const headers = { ...request.headers, accept: 'text/event-stream' };
  // What the events are made of is bounded by who reads them.
  const response = await runtime.sendSubmission({ ...request, headers, max_response_bytes: Infinity }, scope);
  const type = response.headers['content-type'] ?? 'nothing that is named';
  if (!type.startsWith('text/event-stream')) {
    // Maybe an error that the service's rules know.
    const body = type.includes('json') ? await answers.read(response, scope) : await response.discard();
    const shown = body === undefined ? '' : `: ${JSON.stringify(body).slice(0, 300)}`;
    throw new ConnectorError('backend_error', `The service answered with ${type} instead of an event stream${shown}`);
  }
  for await (const { event, data, id } of readSse(response.stream, { where: runtime.service.service })) {
    yield { event, id, data: parsed(data) };
  }
}

/** Messages of a WebSocket, after ours have been sent. */
export async function* socketEvents(
  runtime: ServiceRuntime<ServiceOf<'stream'>>,
  first: readonly Template[],
  request: HttpRequest,
  scope: Scope,
): AsyncGenerator<StreamEvent> {
  const { max_response_bytes } = runtime.service.limits;
  const messages = await Promise.all(first.map((template) => template(scope)));
  const socket = await runtime.openSocket(request, scope, { max_message_bytes: max_response_bytes });
  try {
    for (const message of messages) socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    for await (const message of socket.messages) {
      if (message.binary) yield { binary: message.binary };
      else yield { event: 'message', id: undefined, data: parsed(message.text) };
    }
  } finally {
    socket.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
