import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { HttpError } from './http-error.ts';

export interface SseOptions {
  /** Largest single event. Bytes. Default 1 MiB. */
  max_event_bytes?: number;
  /** For messages. */
  where?: string;
}

export interface SseEvent {
  /** `message` when the server names none. */
  event: string;
  data: string;
  id?: string;
}

/**
 * Reads server-sent events off a response body, as they come; the body's own limits and errors hold. Ends with the
 * stream. Leaving the loop early closes the connection.
 * @throws HttpError `backend_error` for an event past its size; what the body throws
 */
export async function* readSse(stream: Readable, options: SseOptions = {}): AsyncGenerator<SseEvent> {
  const limit = options.max_event_bytes ?? 1_048_576;
  const ready: EventSourceMessage[] = [];
  let tooLarge = false;
  const parser = createParser({
    maxBufferSize: limit,
    onEvent: (event) => void ready.push(event),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') tooLarge = true;
    },
  });
  const decoder = new StringDecoder('utf8');
  try {
    for await (const chunk of stream) {
      parser.feed(decoder.write(chunk as Buffer));
      for (const { event = 'message', data, id } of ready.splice(0)) yield { event, data, id };
      if (tooLarge) {
        const text = `${options.where ?? 'the stream'}: an event is over the limit of ${limit} bytes`;
        throw new HttpError('backend_error', text, { delivery: 'answered', retryable: false });
      }
    }
  } finally {
    stream.destroy();
  }
}
