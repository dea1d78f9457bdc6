import { setTimeout as delay } from 'node:timers/promises';

/** How fast a double writes. A test can hold it at a token and let it go on. */
export class Pace {
  /** Between two tokens. Milliseconds. */
  delayMs = 0;
  #holdAt = Number.POSITIVE_INFINITY;
  #released: Promise<void> = Promise.resolve();
  #release = () => {};
  /** Tokens written so far, by everybody. */
  written = 0;

  /** Nobody gets further than so many tokens until `release()`. */
  hold(tokens: number): void {
    this.#holdAt = tokens;
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#holdAt = Number.POSITIVE_INFINITY;
    this.#release();
  }

  /** Waits until the token of that number may be written. @returns false when `signal` was aborted meanwhile */
  async before(token: number, signal: AbortSignal): Promise<boolean> {
    if (this.delayMs > 0) await delay(this.delayMs, undefined, { signal }).catch(() => {});
    if (token >= this.#holdAt && !signal.aborted) {
      const gone = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([this.#released, gone]);
    }
    if (signal.aborted) return false;
    this.written += 1;
    return true;
  }
}
