import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import type { LiveStreamKey } from '../../contract/live-events.ts';
import type { LivePeer, LiveSide } from './link.ts';
import { LiveStream } from './live-stream.ts';
import { SourceLink } from './source-link.ts';

/** How long what an attempt has told stays after its end, for watchers that are behind. Milliseconds. */
const LINGER_MS = 10_000;

/** What an attempt puts in. None of these waits or throws. */
export interface LiveAttempt {
  token(text: string, position: number): void;
  preview(picture: Buffer, mime: string, index: number): void;
  /** The attempt is over. */
  end(): void;
}

/**
 * The worker's side of the live channel: keeps the last of each running attempt's stream, and sends those that some API
 * process wants. What nobody watches never leaves the worker.
 */
export class LiveSource implements LiveSide {
  readonly #streams = new Map<string, LiveStream>();
  readonly #links = new Set<SourceLink>();
  readonly #lingering = new Set<NodeJS.Timeout>();
  #reports: () => ConnectorReport[] = () => [];

  /** @param current how the worker's connectors fare now: what every API process is told when it connects */
  reportFrom(current: () => ConnectorReport[]): void {
    this.#reports = current;
    for (const report of current()) this.report(report);
  }

  /** Tells every API process that is connected; what one is too slow for is left out for it. */
  report(report: ConnectorReport): void {
    for (const link of this.#links) link.tell(report);
  }

  /** Begins the stream of an attempt; one of an earlier attempt of the same job ends. */
  open(jobId: string, key: LiveStreamKey): LiveAttempt {
    const stream = new LiveStream(jobId, key, () => this.#tell(stream));
    return {
      token: (text, position) => {
        this.#register(stream);
        stream.token(text, position);
      },
      preview: (picture, mime, index) => {
        this.#register(stream);
        stream.preview(picture, mime, index);
      },
      end: () => this.#end(stream),
    };
  }

  connect(peer: LivePeer): SourceLink {
    const link: SourceLink = new SourceLink(
      peer,
      (jobId) => this.#streams.get(jobId),
      () => this.#links.delete(link),
    );
    this.#links.add(link);
    for (const report of this.#reports()) link.tell(report);
    return link;
  }

  /** Lets go of everything. */
  close(): void {
    for (const timer of this.#lingering) clearTimeout(timer);
    for (const stream of this.#streams.values()) stream.end();
    this.#streams.clear();
  }

  /** With its first word: a job that says nothing costs nothing. */
  #register(stream: LiveStream): void {
    const present = this.#streams.get(stream.jobId);
    if (present === stream || stream.ended) return;
    present?.end();
    this.#streams.set(stream.jobId, stream);
  }

  #tell(stream: LiveStream): void {
    if (this.#streams.get(stream.jobId) !== stream) return;
    for (const link of this.#links) link.pump(stream.jobId);
  }

  #end(stream: LiveStream): void {
    stream.end();
    if (this.#streams.get(stream.jobId) !== stream) return;
    const timer = setTimeout(() => {
      this.#lingering.delete(timer);
      if (this.#streams.get(stream.jobId) === stream) this.#streams.delete(stream.jobId);
    }, LINGER_MS);
    timer.unref();
    this.#lingering.add(timer);
  }
}
