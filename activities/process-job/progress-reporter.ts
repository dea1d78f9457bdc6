import type { ProgressDocument } from '../../contract/progress.ts';

/** Least time between two heartbeats handed to the SDK, which throttles further. Milliseconds. */
const MIN_GAP = 100;

/** What a connector may change of the progress document. */
export type ProgressChange = Partial<
  Pick<
    ProgressDocument,
    | 'progress'
    | 'message'
    | 'step'
    | 'step_index'
    | 'total_steps'
    | 'eta_ms'
    | 'service_job_id'
    | 'checkpoint'
    | 'instance'
  >
>;

export interface ReporterOptions {
  /** Sends in the background; may be throttled and lost to a kill. */
  heartbeat: (doc: ProgressDocument) => void;
  /** Resolves when the server has the document. @param newest gives it as it is then */
  durableHeartbeat: (newest: () => ProgressDocument) => Promise<void>;
  /** What the last attempt left. */
  previous: ProgressDocument | undefined;
  attempt: number;
  /** Orderly ended attempts of this activity so far. */
  ended: number;
  worker: string;
  /** A beat at least this often: it is what brings a cancel. Milliseconds. */
  intervalMs: number;
}

/**
 * Owns the progress document of one attempt: numbers it, never lets it fall, and beats.
 */
export class ProgressReporter {
  readonly #options: ReporterOptions;
  readonly #ticker: NodeJS.Timeout;
  #doc: ProgressDocument;
  /** As if one had just gone out: a job that is over within the gap costs the server no beat at all. */
  #sentAt = performance.now();
  #pending: NodeJS.Timeout | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { previous } = options;
    this.#doc = {
      ...previous,
      v: 1,
      seq: (previous?.seq ?? 0) + 1,
      progress: previous?.progress ?? 0,
      worker: options.worker,
      attempt: options.attempt,
      failures: previous?.failures ?? 0,
      ended: options.ended,
      at: Date.now(),
    };
    this.#ticker = setInterval(() => this.#send(), options.intervalMs);
  }

  get document(): ProgressDocument {
    return this.#doc;
  }

  /** Takes a change; the server hears of it within the SDK's throttle. */
  report(change: ProgressChange): void {
    this.#apply(change);
    const wait = this.#sentAt + MIN_GAP - performance.now();
    if (wait <= 0) this.#send();
    else this.#pending ??= setTimeout(() => this.#send(), wait);
  }

  /** Takes a change and resolves when the server has it. 4–20 ms. */
  async save(change: ProgressChange): Promise<void> {
    this.#apply(change);
    // Hand it to the SDK first: an older document it still held would overwrite this one.
    this.#send();
    await this.#options.durableHeartbeat(() => this.#doc);
  }

  /** Last word of an attempt that ends in an orderly way; the failure about to be thrown carries it. */
  finish(change: Partial<ProgressDocument>): void {
    this.#doc = { ...this.#doc, ...change, seq: this.#doc.seq + 1, ended: this.#doc.ended + 1, at: Date.now() };
    this.stop();
    this.#options.heartbeat(this.#doc);
  }

  stop(): void {
    clearInterval(this.#ticker);
    clearTimeout(this.#pending);
    this.#pending = undefined;
  }

  #apply(change: ProgressChange): void {
    const progress = Math.min(100, Math.max(this.#doc.progress, finite(change.progress)));
    this.#doc = { ...this.#doc, ...change, progress, seq: this.#doc.seq + 1, at: Date.now() };
  }

  #send(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    this.#sentAt = performance.now();
    this.#options.heartbeat(this.#doc);
  }
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}
