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
  readonly #expiry = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parent: AbortSignal;
  readonly #onParent: () => void;

  constructor(parent: AbortSignal, runTimeoutMs: number) {
    this.#parent = parent;
    this.#onParent = () => this.#controller.abort(parent.reason);
    if (parent.aborted) this.#onParent();
    else parent.addEventListener('abort', this.#onParent, { once: true });
    const expire = () => {
      const reason = new RunTimeoutError(runTimeoutMs);
      this.#controller.abort(reason);
      this.#expiry.abort(reason);
    };
    // setTimeout takes 31 bits; longer run time-outs are left to the server.
    this.#timer = setTimeout(expire, Math.min(runTimeoutMs, 2 ** 31 - 1));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborted at the run time-out, also when something else had ended the attempt before. */
  get expired(): AbortSignal {
    return this.#expiry.signal;
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
 * Waits for `work`, as cancelled means stopped; but after the run time-out only for a moment: a connector that ignores its
 * signal must not hold the slot for good, whatever it was that asked it to stop.
 * @param graceMs how long that moment is. Milliseconds
 * @throws what `work` throws, or after that moment the reason of `signal`
 */
export function withinRunTimeout<T>(
  work: Promise<T>,
  { signal, expired }: Pick<AttemptSignal, 'signal' | 'expired'>,
  graceMs = 5_000,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onExpiry = () => {
      timer = setTimeout(() => reject(signal.reason as Error), graceMs);
    };
    if (expired.aborted) onExpiry();
    else expired.addEventListener('abort', onExpiry, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      expired.removeEventListener('abort', onExpiry);
    });
  });
}
