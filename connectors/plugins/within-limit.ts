/**
 * Runs a plugin's hook for at most so long. A hook that does not stop is left behind: its answer, or its error, is not
 * waited for any more.
 * @param parent ends it sooner, with its reason
 * @param overdue makes the error of one that takes too long
 */
export function withinLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  limitMs: number,
  parent: AbortSignal | undefined,
  overdue: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const controller = new AbortController();
    const giveUp = (reason: Error) => {
      // First the answer to our caller, then the news to the hook, whose own error may be quick.
      reject(reason);
      controller.abort(reason);
    };
    const onParent = () => giveUp(parent?.reason as Error);
    if (parent?.aborted) return onParent();
    parent?.addEventListener('abort', onParent, { once: true });
    const timer = setTimeout(() => giveUp(overdue()), limitMs);
    // An async function, so that what is thrown at once is a rejection too.
    (async () => work(controller.signal))()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        parent?.removeEventListener('abort', onParent);
      });
    controller.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
