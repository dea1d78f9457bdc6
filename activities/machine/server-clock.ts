/**
 * Temporal's clock as far as a machine can tell: a rented box may be minutes off, and when a command expires must not
 * depend on that. A task comes later than it was scheduled, never earlier: the smallest difference seen is the best guess.
 */
export class ServerClock {
  #ahead: number | undefined;

  /** @param scheduledMs when a task that has just come was scheduled, by Temporal's clock */
  observe(scheduledMs: number, now = Date.now()): void {
    this.#ahead = Math.min(this.#ahead ?? Number.POSITIVE_INFINITY, now - scheduledMs);
  }

  /** Epoch milliseconds; this machine's own before anything was observed. */
  now(own = Date.now()): number {
    return own - (this.#ahead ?? 0);
  }
}
