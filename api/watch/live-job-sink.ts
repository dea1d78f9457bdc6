import type { JobEvent } from '../../contract/job-events.ts';
import { isTerminal } from '../../contract/job-view.ts';
import { joinEventId, type LiveCursor } from '../../contract/live-events.ts';
import type { LiveHub } from '../../platform/live/live-hub.ts';
import type { LiveTarget, LiveWatch } from '../../platform/live/live-watch.ts';
import type { CloseReason, EventSink, LiveEventSink } from './event-sink.ts';
import type { LiveChoice } from './live-choice.ts';

/** How long the end of a job waits for the last of its live events, which come another way. Milliseconds. */
const LAST_NEWS_MS = 500;

/**
 * The events of a job and its live channel on one connection: live events come between `snapshot` and `end`, and every
 * id carries both places.
 */
export class LiveJobSink implements EventSink {
  readonly #sink: LiveEventSink;
  readonly #hub: LiveHub;
  readonly #jobId: string;
  readonly #choice: LiveChoice;
  #cursor: LiveCursor | undefined;
  #watch: LiveWatch | undefined;
  #eventId = '';
  #ending: Promise<void> | undefined;
  #closed = false;

  /** @param cursor how far the client had come before it was cut off */
  constructor(sink: LiveEventSink, hub: LiveHub, jobId: string, choice: LiveChoice, cursor?: LiveCursor) {
    this.#sink = sink;
    this.#hub = hub;
    this.#jobId = jobId;
    this.#choice = choice;
    this.#cursor = cursor;
  }

  send(event: JobEvent): void {
    if (this.#closed) return;
    if (event.type === 'end' && this.#watch) {
      this.#ending = this.#watch.settle(LAST_NEWS_MS).then(() => this.#sendJob(event));
      return;
    }
    this.#sendJob(event);
    if (event.type === 'snapshot' && !isTerminal(event.job.status) && this.#choice !== 'none') {
      this.#watch = this.#hub.watch(this.#jobId, this.#target(), this.#cursor);
    }
  }

  backlog(): number {
    return this.#sink.backlog();
  }

  close(reason: CloseReason): void {
    if (this.#ending && reason === 'ended') void this.#ending.then(() => this.#close(reason));
    else this.#close(reason);
  }

  /** The client has hung up, or wants no more of this job. */
  stop(): void {
    this.#closed = true;
    this.#watch?.end();
    this.#watch = undefined;
  }

  #close(reason: CloseReason): void {
    if (this.#closed) return;
    this.stop();
    this.#sink.close(reason);
  }

  #sendJob(event: JobEvent): void {
    if (this.#closed) return;
    this.#eventId = event.id;
    this.#sink.send({ ...event, id: joinEventId(event.id, this.#cursor) });
  }

  #target(): LiveTarget {
    const pump = () => this.#watch?.pump();
    return {
      tokens: this.#choice !== 'previews',
      previews: this.#choice !== 'tokens',
      ready: () => !this.#closed && this.#sink.budget.hasRoom(pump),
      send: (news, cursor, picture) => {
        this.#cursor = cursor;
        this.#sink.sendLive({ ...news, id: joinEventId(this.#eventId, cursor) }, picture);
      },
    };
  }
}
