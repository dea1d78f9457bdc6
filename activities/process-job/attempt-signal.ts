import { formatDuration } from '../../contract/duration.ts';

/** Why our own timer ended an attempt. */
export class RunTimeoutError extends Error {
  override readonly name = 'RunTimeoutError';
  constructor(ms: number) {
    super(`The job ran longer than its run_timeout of ${formatDuration(ms)}`);
  }
}

/** The signal a connector gets: cancellation, a leaving worker, or the run time-out. */
export class AttemptSignal {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parent: AbortSignal;
  readonly #onParent: () => void;

  constructor(parent: AbortSignal, runTimeoutMs: number) {
    this.#parent = parent;
    this.#onParent = () => this.#controller.abort(parent.reason);
    if (parent.aborted) this.#onParent();
    else parent.addEventListener('abort', this.#onParent, { once: true });
    // setTimeout takes 31 bits; longer run time-outs are left to the server.
    this.#timer = setTimeout(
      () => this.#controller.abort(new RunTimeoutError(runTimeoutMs)),
      Math.min(runTimeoutMs, 2 ** 31 - 1),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the attempt, e.g. because the server no longer knows it. The first reason stands. */
  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener('abort', this.#onParent);
  }
}

/**
 * Waits for `work`, but after a run time-out only for a moment: a connector that ignores its signal must not hold the
 * slot for good. Other aborts wait for the connector, as cancelled means stopped.
 */
export function withinRunTimeout<T>(work: Promise<T>, signal: AbortSignal, graceMs = 5_000): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      if (signal.reason instanceof RunTimeoutError) timer = setTimeout(() => reject(signal.reason as Error), graceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  });
}
