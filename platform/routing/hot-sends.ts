/** Jobs that may lately have been sent to the workers of one loaded model: while one is free, and while all are busy. */
const MOST = { free: 16, busy: 4 };

/**
 * How many jobs were lately sent to wait for a loaded model. When more come than its workers take, the rest goes to all
 * workers at once: each wait in vain would cost five events and the time.
 */
export class HotSends {
  readonly #sent = new Map<string, number[]>();

  /** @returns whether one more may go there, counted when it may. @param windowMs how long one counts */
  take(queue: string, state: keyof typeof MOST, windowMs: number, now: number): boolean {
    const recent = (this.#sent.get(queue) ?? []).filter((at) => at > now - windowMs);
    const free = recent.length < MOST[state];
    if (free) recent.push(now);
    this.#sent.delete(queue);
    this.#sent.set(queue, recent);
    if (this.#sent.size > 1_000) this.#sent.delete(this.#sent.keys().next().value as string);
    return free;
  }
}
