import { compareStreams, type LiveCursor, type LiveEvent } from '../../contract/live-events.ts';
import type { FeedWatch, LiveFeed } from './live-feed.ts';
import type { LiveEntry, PreviewEntry, TokenEntry } from './live-log.ts';

/** Text merged into one event for a watcher that is behind. Characters. */
const MERGED = 16_384;

/** An event before it gets its id. */
export type LiveNews = LiveEvent extends infer E ? (E extends LiveEvent ? Omit<E, 'id'> : never) : never;

/** Who is told. */
export interface LiveTarget {
  readonly tokens: boolean;
  readonly previews: boolean;
  /** Whether it takes more now; when it does again, it calls `pump`. */
  ready(): boolean;
  send(news: LiveNews, cursor: LiveCursor, picture?: Buffer): void;
}

/** One watcher's place in a feed. A slow one falls behind, is told less, and hears what it missed. */
export class LiveWatch implements FeedWatch {
  readonly #feed: LiveFeed;
  readonly #target: LiveTarget;
  readonly #onEnd: () => void;
  #at: LiveCursor | undefined;
  #settled: (() => void) | undefined;

  constructor(feed: LiveFeed, target: LiveTarget, cursor: LiveCursor | undefined, onEnd: () => void) {
    this.#feed = feed;
    this.#target = target;
    this.#at = cursor;
    this.#onEnd = onEnd;
  }

  /** Tells what is new, as far as the target takes it. */
  pump(): void {
    this.#enterStream();
    while (this.#at && this.#isInStream() && this.#target.ready()) {
      const entry = this.#feed.log.next(this.#at.seq);
      if (!entry) break;
      this.#tell(entry);
    }
    if (this.#done()) this.#settled?.();
  }

  /** Resolves when all that will come of the present attempt has been told, or after that time. Milliseconds. */
  async settle(ms: number): Promise<void> {
    this.pump();
    if (!this.#done()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#settled = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#tellRest();
  }

  end(): void {
    this.#settled?.();
    this.#onEnd();
  }

  #done(): boolean {
    const behind = this.#at && this.#isInStream() && this.#feed.log.next(this.#at.seq) !== undefined;
    return this.#feed.settled && !behind;
  }

  #enterStream(): void {
    const { key } = this.#feed;
    if (!key) return;
    if (this.#at) {
      if (compareStreams(key, this.#at) <= 0) return;
      this.#at = { ...key, seq: 0, characters: 0, previews: 0 };
      this.#send({ type: 'reset', ...this.#base(0), reason: 'new_attempt' });
    } else this.#at = { ...key, seq: 0, characters: 0, previews: 0 };
  }

  /** A watcher that comes back may know of an attempt that this process has yet to hear of. */
  #isInStream(): boolean {
    const { key } = this.#feed;
    return key !== undefined && this.#at !== undefined && compareStreams(key, this.#at) === 0;
  }

  #tell(entry: LiveEntry): void {
    const at = this.#at!;
    if (entry.kind === 'reset') {
      // Who has had nothing of the text need not throw it away.
      const had = at.characters > 0;
      this.#tellLost(0, entry.previews, entry.seq - 1);
      this.#at = { ...at, seq: entry.seq, characters: 0, previews: entry.previews };
      if (had && this.#target.tokens) {
        this.#send({ type: 'reset', ...this.#base(entry.seq), reason: 'started_again' });
      }
    } else if (entry.kind === 'token') this.#tellText(entry);
    else this.#tellPreview(entry);
  }

  #tellText(first: TokenEntry): void {
    this.#tellLost(first.position, first.previews, first.seq - 1);
    const at = this.#at!;
    let { text, seq } = first;
    // What follows without a gap comes along.
    for (let next = this.#feed.log.next(seq); next?.kind === 'token'; next = this.#feed.log.next(seq)) {
      const end = first.position + text.length;
      if (next.position !== end || next.previews !== first.previews || text.length + next.text.length > MERGED) break;
      text += next.text;
      seq = next.seq;
    }
    this.#at = { ...at, seq, characters: first.position + text.length, previews: first.previews };
    if (this.#target.tokens) this.#send({ type: 'token', ...this.#base(seq), position: first.position, text });
  }

  #tellPreview(entry: PreviewEntry): void {
    this.#tellLost(entry.characters, entry.previews, entry.seq - 1);
    this.#at = { ...this.#at!, seq: entry.seq, characters: entry.characters, previews: entry.previews + 1 };
    if (!this.#target.previews) return;
    const { index, mime, picture } = entry;
    this.#send({ type: 'preview', ...this.#base(entry.seq), index, mime, bytes: picture.length }, picture);
  }

  /** What a watcher that was too slow will not get. */
  #tellRest(): void {
    const { log } = this.#feed;
    if (!this.#isInStream()) return;
    this.#tellLost(log.characters, log.previews, log.last);
  }

  /** @param characters where the text stands then @param previews how many have come by then */
  #tellLost(characters: number, previews: number, seq: number): void {
    const at = this.#at!;
    const lost = {
      characters: this.#target.tokens ? Math.max(0, characters - at.characters) : 0,
      previews: this.#target.previews ? Math.max(0, previews - at.previews) : 0,
    };
    if (lost.characters + lost.previews === 0) return;
    this.#at = {
      ...at,
      seq: Math.max(at.seq, seq),
      characters: Math.max(at.characters, characters),
      previews: Math.max(at.previews, previews),
    };
    this.#send({ type: 'dropped', ...this.#base(Math.max(at.seq, seq)), ...lost });
  }

  #base(seq: number) {
    return { job_id: this.#feed.jobId, attempt: this.#at!.attempt, seq };
  }

  #send(news: LiveNews, picture?: Buffer): void {
    this.#target.send(news, this.#at!, picture);
  }
}
