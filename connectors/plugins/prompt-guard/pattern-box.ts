import { createContext, Script, type Context } from 'node:vm';

/**
 * A regular expression that is stopped when it takes too long: one with nested repeats can hold up the whole process for
 * hours on a text made for it, and no timer of this thread would fire.
 */
export class PatternBox {
  readonly #source: string;
  readonly #limitMs: number;
  readonly #context: Context;
  readonly #script = new Script('pattern.test(text)');

  /** @throws SyntaxError when the source is no regular expression */
  constructor(source: string, limitMs: number) {
    this.#source = source;
    this.#limitMs = limitMs;
    this.#context = createContext({ pattern: new RegExp(source, 'iu'), text: '' });
  }

  /** @throws Error when it takes longer than the limit */
  matches(text: string): boolean {
    (this.#context as { text: string }).text = text;
    try {
      return this.#script.runInContext(this.#context, { timeout: this.#limitMs }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      const shown = this.#source.slice(0, 80);
      throw new Error(
        `the pattern ${shown} did not end within ${this.#limitMs} ms on a text of ${text.length} characters`,
        {
          cause: error,
        },
      );
    } finally {
      (this.#context as { text: string }).text = '';
    }
  }
}
