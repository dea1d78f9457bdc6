/** What a backend says is left of one of its limits. */
export interface Allowance {
  limit: number;
  remaining: number;
  /** Until all of it is there again. Milliseconds. */
  reset_ms: number;
}

/** Of requests, tokens, or whatever the backend counts; by that name. */
export type Allowances = Readonly<Record<string, Allowance>>;

interface Noted extends Allowance {
  at: number;
}

/**
 * Knows from the headers of earlier answers whether the next request would be refused, so that it need not be sent:
 * refused requests count against most limits.
 */
export class RateHeadroom {
  readonly #noted = new Map<string, Map<string, Noted>>();

  /** @param scope what the limits belong to, e.g. key and model */
  note(scope: string, allowances: Allowances): void {
    const at = performance.now();
    const noted = this.#noted.get(scope) ?? new Map<string, Noted>();
    for (const [name, allowance] of Object.entries(allowances)) noted.set(name, { ...allowance, at });
    this.#noted.set(scope, noted);
  }

  /**
   * How long to wait before a request of that cost. Limits refill evenly; a cost beyond a whole limit is for the backend
   * to refuse.
   * @param costs by the names of the allowances
   * @returns milliseconds; 0 when it may go now, or nothing is known
   */
  waitMs(scope: string, costs: Readonly<Record<string, number>>): number {
    const now = performance.now();
    const waits = [...(this.#noted.get(scope) ?? [])].map(([name, noted]) => waitFor(noted, costs[name] ?? 0, now));
    return Math.max(0, ...waits);
  }

  /** Takes what a request is about to cost off what is known to be left, for those who ask before its answer. */
  spend(scope: string, costs: Readonly<Record<string, number>>): void {
    for (const [name, noted] of this.#noted.get(scope) ?? []) {
      noted.remaining = Math.max(0, noted.remaining - (costs[name] ?? 0));
    }
  }
}

function waitFor({ limit, remaining, reset_ms, at }: Noted, cost: number, now: number): number {
  if (cost <= remaining || cost > limit || limit <= remaining) return 0;
  const full = (reset_ms * (cost - remaining)) / (limit - remaining);
  return Math.max(0, Math.ceil(full - (now - at)));
}
