/** One piece of an attempt's live stream. Immutable; `seq` is 1-based and rises by one. */
export type LiveEntry = TokenEntry | PreviewEntry | ResetEntry;

interface EntryBase {
  seq: number;
  /** Previews that came before it in this stream. */
  previews: number;
}

export interface TokenEntry extends EntryBase {
  kind: 'token';
  /** Characters of the text before it. */
  position: number;
  text: string;
}

export interface PreviewEntry extends EntryBase {
  kind: 'preview';
  /** End of the text when it came. */
  characters: number;
  index: number;
  mime: string;
  picture: Buffer;
}

/** The text so far is void. */
export interface ResetEntry extends EntryBase {
  kind: 'reset';
}

export interface LogLimits {
  /** Characters of text kept. Default 512 Ki: about 120,000 tokens, 1 MiB at most. */
  characters: number;
  /** Previews kept. Default 8. */
  previews: number;
  /** Bytes of previews kept; the newest one stays whatever its size. Default 4 MiB. */
  previewBytes: number;
}

export const DEFAULT_LIMITS: LogLimits = { characters: 524_288, previews: 8, previewBytes: 4_194_304 };

/**
 * The last of an attempt's live stream, bounded: text and previews each give up their oldest first, so that pictures
 * never push out text. What was given up shows in the counts that each entry carries.
 */
export class LiveLog {
  readonly #limits: LogLimits;
  readonly #texts: (TokenEntry | ResetEntry)[] = [];
  readonly #previews: PreviewEntry[] = [];
  #held = { characters: 0, previewBytes: 0 };
  #last = 0;
  #characters = 0;
  #previewCount = 0;

  constructor(limits: LogLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Number of the newest entry; 0 while there is none. */
  get last(): number {
    return this.#last;
  }

  /** End of the text. */
  get characters(): number {
    return this.#characters;
  }

  /** Previews that have come. */
  get previews(): number {
    return this.#previewCount;
  }

  add(entry: LiveEntry): void {
    this.#last = entry.seq;
    this.#previewCount = Math.max(this.#previewCount, entry.previews);
    if (entry.kind === 'preview') this.#addPreview(entry);
    else this.#addText(entry);
  }

  /** Entries that never came in: where the stream stands beyond them. */
  skipTo(place: { seq: number; characters: number; previews: number }): void {
    this.#last = Math.max(this.#last, place.seq);
    this.#characters = Math.max(this.#characters, place.characters);
    this.#previewCount = Math.max(this.#previewCount, place.previews);
  }

  /** The oldest entry that is held and comes after that number. */
  next(after: number): LiveEntry | undefined {
    const text = firstAfter(this.#texts, after);
    const preview = firstAfter(this.#previews, after);
    if (!text || !preview) return text ?? preview;
    return text.seq < preview.seq ? text : preview;
  }

  /** Whether what is held of the text says something else at that position. */
  contradicts(position: number, text: string): boolean {
    for (let at = this.#indexOf(position); at < this.#texts.length; at++) {
      const held = this.#texts[at]!;
      if (held.kind !== 'token') continue;
      const from = Math.max(position, held.position);
      const to = Math.min(position + text.length, held.position + held.text.length);
      if (from >= to) break;
      if (held.text.slice(from - held.position, to - held.position) !== text.slice(from - position, to - position))
        return true;
    }
    return false;
  }

  /** What is held of the text before that position, and where it begins. */
  textBefore(position: number): { position: number; text: string } {
    let text = '';
    let start: number | undefined;
    for (const held of this.#texts) {
      if (held.kind !== 'token' || held.position >= position) continue;
      // A piece that never came: what lies before it is of no use without it.
      if (start === undefined || start + text.length !== held.position) {
        start = held.position;
        text = '';
      }
      text += held.text.slice(0, position - held.position);
    }
    return { position: start ?? position, text };
  }

  #addText(entry: TokenEntry | ResetEntry): void {
    if (entry.kind === 'reset') {
      this.#texts.length = 0;
      this.#held.characters = 0;
      this.#characters = 0;
    } else {
      this.#held.characters += entry.text.length;
      this.#characters = entry.position + entry.text.length;
    }
    this.#texts.push(entry);
    while (this.#held.characters > this.#limits.characters && this.#texts.length > 1) {
      const gone = this.#texts.shift();
      if (gone?.kind === 'token') this.#held.characters -= gone.text.length;
    }
  }

  #addPreview(entry: PreviewEntry): void {
    this.#previewCount = entry.previews + 1;
    this.#previews.push(entry);
    this.#held.previewBytes += entry.picture.length;
    const { previews, previewBytes } = this.#limits;
    while (this.#previews.length > 1 && (this.#previews.length > previews || this.#held.previewBytes > previewBytes)) {
      this.#held.previewBytes -= this.#previews.shift()!.picture.length;
    }
  }

  /** Index of the first text entry that ends after that position. */
  #indexOf(position: number): number {
    let low = 0;
    let high = this.#texts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const held = this.#texts[middle]!;
      if (held.kind === 'reset' || held.position + held.text.length <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstAfter<E extends { seq: number }>(entries: readonly E[], after: number): E | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.seq <= after) low = middle + 1;
    else high = middle;
  }
  return entries[low];
}
