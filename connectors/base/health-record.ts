import type { ConnectorHealth, HealthSource } from '../contract/connector-health.ts';

/** One look at a service. */
export interface HealthOutcome {
  state: ConnectorHealth['state'];
  reason?: string;
  /** Milliseconds. */
  latencyMs?: number;
}

/** Keeps the last outcome of a connector's checks, and since when it is so; by a clock that only goes forward. */
export class HealthRecord implements HealthSource {
  readonly #listeners = new Set<() => void>();
  #last: HealthOutcome = { state: 'unknown' };
  #since = performance.now();
  #checkedAt: number | undefined;

  note(outcome: HealthOutcome): void {
    const { state, reason } = this.#last;
    const now = performance.now();
    this.#last = outcome;
    this.#checkedAt = now;
    if (outcome.state !== state) this.#since = now;
    if (outcome.state === state && outcome.reason === reason) return;
    for (const listener of this.#listeners) listener();
  }

  getHealthReport(): ConnectorHealth {
    const now = performance.now();
    return {
      ...this.#last,
      stateAgeMs: Math.round(now - this.#since),
      ...(this.#checkedAt === undefined ? {} : { checkedAgeMs: Math.round(now - this.#checkedAt) }),
    };
  }

  onHealthChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
