import { pointerTo } from '../../../platform/routing/check-shape.ts';

/** A text of a payload, and where it stands. */
export interface PayloadText {
  /** JSON pointer. */
  pointer: string;
  /** Names of the fields on the way to it. */
  names: string[];
  text: string;
}

const MAX_DEPTH = 64;

/** Every text of a payload, names of fields not included. Media as data URLs are no texts. */
export function* textsOf(value: unknown, pointer: string, names: string[] = []): Generator<PayloadText> {
  if (typeof value === 'string') {
    if (!/^data:[\w/+.-]*;base64,/i.test(value)) yield { pointer, names, text: value };
    return;
  }
  if (typeof value !== 'object' || value === null || names.length > MAX_DEPTH) return;
  for (const [key, entry] of Object.entries(value)) {
    const inner = Array.isArray(value) ? names : [...names, key];
    yield* textsOf(entry, pointerTo(pointer, key), inner);
  }
}

/** Invisible characters, and marks that only change the look of a letter. */
const UNSEEN = /[\p{Cf}\p{Mn}]/gu;

/** A text without the disguises that cost nothing: wide or styled letters, accents, invisible characters, odd spaces. */
export function plain(text: string): string {
  return text.normalize('NFKD').replace(UNSEEN, '').replace(/\s+/gu, ' ');
}

/** One pattern for all words: whole words, with any space or punctuation between those of a phrase. */
export function wordRule(words: readonly string[]): string {
  const each = words.map((word) =>
    plain(word)
      .trim()
      .split(' ')
      .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`))
      .join(String.raw`[\s\p{P}]+`),
  );
  return String.raw`(?<![\p{L}\p{N}])(?:${each.join('|')})(?![\p{L}\p{N}])`;
}
