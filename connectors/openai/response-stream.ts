import { APIError, type OpenAI } from 'openai';
import type { Writing } from '../base/hosted/writing.ts';

type Response = OpenAI.Responses.Response;
type Event = OpenAI.Responses.ResponseStreamEvent;

export function isOver(response: Response): boolean {
  return response.status !== 'queued' && response.status !== 'in_progress';
}

/** Reads the events of one response, over as many streams as it takes. */
export class ResponseEvents {
  readonly #writing: Writing;
  /** Called as soon as the id is known, and awaited before reading on. */
  readonly #identified: (id: string) => Promise<void>;
  id: string | undefined;
  /** Of the last event; a later stream goes on after it. */
  sequence: number | undefined;

  constructor(writing: Writing, identified: (id: string) => Promise<void> = async () => {}) {
    this.#writing = writing;
    this.#identified = identified;
  }

  /** @returns the response at its end; undefined when the stream ended without one */
  async read(events: AsyncIterable<Event>): Promise<Response | undefined> {
    for await (const event of events) {
      if (typeof event.sequence_number === 'number') this.sequence = event.sequence_number;
      switch (event.type) {
        case 'response.created':
        case 'response.queued':
        case 'response.in_progress':
          await this.#begun(event.response);
          break;
        case 'response.output_text.delta':
          this.#writing.add(event.delta);
          break;
        case 'response.completed':
        case 'response.failed':
        case 'response.incomplete':
          return event.response;
        case 'error':
          throw new APIError(undefined, event, event.message, undefined);
        default:
      }
    }
    return undefined;
  }

  async #begun(response: Response): Promise<void> {
    if (this.id !== undefined) return;
    this.id = response.id;
    if (response.status === 'queued') this.#writing.say('queued');
    await this.#identified(response.id);
  }
}
