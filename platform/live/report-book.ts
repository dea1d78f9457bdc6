import type { ConnectorReport } from '../../contract/connector-report.schema.ts';

/** Workers report every half minute; what is older than three of these has nobody behind it. Milliseconds. */
const EXPIRES_MS = 95_000;
/** A mistaken worker must not fill the memory. */
const MOST = 20_000;

/** A report, and how long ago it came. */
export interface HeldReport {
  report: ConnectorReport;
  /** Milliseconds. */
  ageMs: number;
}

/** The last report of each connector of each worker, for as long as it is renewed. */
export class ReportBook {
  readonly #held = new Map<string, { report: ConnectorReport; at: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  take(report: ConnectorReport): void {
    const [queue] = report.queues;
    const key = `${report.worker}\n${queue?.pool}.${queue?.capability}`;
    // Back in as the newest: the oldest stand first.
    this.#held.delete(key);
    this.#held.set(key, { report, at: this.#now() });
    this.#forget();
  }

  list(): HeldReport[] {
    this.#forget();
    const now = this.#now();
    return [...this.#held.values()].map(({ report, at }) => ({ report, ageMs: now - at }));
  }

  #forget(): void {
    const before = this.#now() - EXPIRES_MS;
    for (const [key, { at }] of this.#held) {
      if (at >= before && this.#held.size <= MOST) return;
      this.#held.delete(key);
    }
  }
}
