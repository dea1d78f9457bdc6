import { CancelledFailure } from '@temporalio/common';

/** After the deadline a job has this long to stop its connector. Milliseconds. */
const OVERDUE = 5_000;
/** As long as a timer goes. Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** How a worker that leaves stands. */
export interface DepartureState {
  why: string;
  since: string;
  /** When jobs that still run are handed to other workers; absent: they may take as long as they do. */
  until?: string;
}

/**
 * A worker process that leaves: it takes no more jobs, and those it has go on until the grace time is over; then they are
 * handed to other workers with their checkpoints. Each further request can only make it leave sooner.
 */
export class Departure {
  /** Settles with the reason when the first request comes. */
  readonly begun: Promise<string>;
  readonly #begin: (why: string) => void;
  readonly #handOver = new AbortController();
  readonly #exit: () => void;
  #state: DepartureState | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param exit ends the process: a connector that ignores its signal must not keep it, its job goes on elsewhere anyway */
  constructor(exit: () => void = () => process.exit(1)) {
    this.#exit = exit;
    let begin!: (why: string) => void;
    this.begun = new Promise((resolve) => {
      begin = resolve;
    });
    this.#begin = begin;
  }

  /** Aborts the jobs that are to be handed over; with the reason that connectors know of a worker which leaves. */
  get handOver(): AbortSignal {
    return this.#handOver.signal;
  }

  /** undefined: it serves */
  get state(): DepartureState | undefined {
    return this.#state;
  }

  /** @param graceMs longest time for the jobs there are; infinite: as long as they take */
  ask(why: string, graceMs: number): DepartureState {
    const now = Date.now();
    this.#state ??= { why, since: new Date(now).toISOString() };
    this.#begin(why);
    const deadline = performance.now() + graceMs;
    if (deadline < this.#deadline && graceMs < LONGEST_TIMER) {
      this.#deadline = deadline;
      this.#state = { ...this.#state, until: new Date(now + graceMs).toISOString() };
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#hurry(), graceMs);
    }
    return this.#state;
  }

  /** The jobs are done: nothing has to be hurried any more. */
  dispose(): void {
    clearTimeout(this.#timer);
  }

  #hurry(): void {
    this.#handOver.abort(new CancelledFailure('WORKER_SHUTDOWN'));
    this.#timer = setTimeout(this.#exit, OVERDUE);
  }
}
