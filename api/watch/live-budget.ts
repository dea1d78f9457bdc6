/** Live events that a connection may hold unread; more waits, and the oldest of it is dropped. Bytes. */
const LIMIT = 262_144;

/** What a connection holds of live events that its client has not taken yet, over all jobs it carries. */
export class LiveBudget {
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param wake called once there is room again, if there is none now */
  hasRoom(wake: () => void): boolean {
    if (this.#bytes < LIMIT) return true;
    this.#waiting.add(wake);
    return false;
  }

  /** @returns to be called when the client has taken them */
  hold(bytes: number): () => void {
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
      if (this.#bytes >= LIMIT) return;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of waiting) wake();
    };
  }
}
