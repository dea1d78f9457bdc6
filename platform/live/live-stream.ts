import type { LiveStreamKey } from '../../contract/live-events.ts';
import { DEFAULT_LIMITS, LiveLog } from './live-log.ts';

/** Tokens that come within this after the last piece go out with the next one. Milliseconds. */
const MERGE_MS = 15;
/** Longest single piece. Characters. */
const PIECE = 16_384;
/** A larger preview is left out and counted as dropped. Bytes. */
const MAX_PREVIEW = 4_194_304;

/**
 * What one attempt puts into the live channel: numbered, merged, bounded. Costs the caller next to nothing and never
 * throws.
 */
export class LiveStream {
  readonly jobId: string;
  readonly key: LiveStreamKey;
  readonly log = new LiveLog();
  readonly #onNews: () => void;
  #seq = 0;
  /** End of the text, that which still waits included. */
  #end = 0;
  #previews = 0;
  #waiting: { position: number; pieces: string[] } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  /** @param onNews there is something new in the log, or the stream has ended */
  constructor(jobId: string, key: LiveStreamKey, onNews: () => void) {
    this.jobId = jobId;
    this.key = key;
    this.#onNews = onNews;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @param position characters before it; known text that comes again is left out, other text there starts anew */
  token(text: string, position: number): void {
    if (this.#ended || text === '') return;
    if (position < this.#end) {
      this.#seal();
      if (this.log.contradicts(position, text)) this.#startAgain(position);
      else {
        text = text.slice(this.#end - position);
        position = this.#end;
        if (text === '') return;
      }
    } else if (position > this.#end) this.#seal();
    this.#waiting ??= { position, pieces: [] };
    this.#waiting.pieces.push(text);
    this.#end = position + text.length;
    this.#tellSoon();
  }

  preview(picture: Buffer, mime: string, index: number): void {
    if (this.#ended) return;
    this.#seal();
    this.#seq += 1;
    const [seq, characters, previews] = [this.#seq, this.#end, this.#previews];
    this.#previews += 1;
    if (picture.length > MAX_PREVIEW) this.log.skipTo({ seq, characters, previews: this.#previews });
    else this.log.add({ kind: 'preview', seq, previews, characters, index, mime, picture });
    this.#tell();
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#ended) return;
    this.#seal();
    this.#ended = true;
    this.#tell();
  }

  #tellSoon(): void {
    const wait = this.#toldAt + MERGE_MS - performance.now();
    if (wait > 0) this.#timer ??= setTimeout(() => this.#tell(), wait);
    else this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldAt = performance.now();
    this.#seal();
    this.#onNews();
  }

  /** Puts what waits into the log. */
  #seal(): void {
    if (!this.#waiting) return;
    const { position: start, pieces } = this.#waiting;
    this.#waiting = undefined;
    const text = pieces.join('');
    // Of a text that is longer than all that is kept only the end would stay.
    for (let at = Math.max(0, text.length - DEFAULT_LIMITS.characters); at < text.length; at += PIECE) {
      const piece = text.slice(at, at + PIECE);
      const position = start + at;
      this.log.add({ kind: 'token', seq: ++this.#seq, previews: this.#previews, position, text: piece });
    }
  }

  /** The same attempt writes its text anew: what stays the same is told once more, so that nobody lacks its beginning. */
  #startAgain(position: number): void {
    const kept = this.log.textBefore(position);
    this.log.add({ kind: 'reset', seq: ++this.#seq, previews: this.#previews });
    if (kept.text !== '') this.#waiting = { position: kept.position, pieces: [kept.text] };
    this.#end = position;
  }
}
