/** Values that `{name}` in commands, variables and paths stands for. */
export type Words = Readonly<Record<string, string>>;

const WORD = /\{([a-z][a-z0-9_]*)\}/g;

/**
 * Puts values in the place of `{port}`, `{dir}` and their like. Anything else in braces stays as it is: JSON is common
 * in commands.
 * @throws UnknownWordError for `{word}` that is none of them
 */
export function fillWords(text: string, words: Words): string {
  return text.replace(WORD, (whole, name: string) => {
    const value = words[name];
    if (value === undefined) throw new UnknownWordError(whole, Object.keys(words));
    return value;
  });
}

/** A `{word}` that means nothing here. */
export class UnknownWordError extends Error {
  override readonly name = 'UnknownWordError';
  constructor(word: string, known: readonly string[]) {
    super(`holds ${word}, which stands for nothing; there are ${known.map((name) => `{${name}}`).join(', ')}`);
  }
}
