/**
 * One attempt of a job at a time within a process. After an outage longer than the heartbeat time-out the server starts
 * the next attempt before the last one has been told to stop, and both may land here.
 */
export class JobLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs `work` once all earlier work under the same key has ended.
   * @throws the signal's reason when it is aborted while waiting; `work` has not begun then
   */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    let release = () => {};
    const own = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = Promise.all([before, own]).then(() => undefined);
    this.#tails.set(key, tail);
    try {
      if (before) await abortable(before, signal);
      return await work();
    } finally {
      release();
      void tail.then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    }
  }
}

function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
