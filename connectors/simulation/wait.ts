import { setTimeout as delay } from 'node:timers/promises';

/** Waits until that moment of `performance.now()`. @throws the signal's reason on abort */
export async function waitUntil(moment: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = moment - performance.now();
  try {
    if (ms > 0) await delay(ms, undefined, { signal });
    signal?.throwIfAborted();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Never resolves. @throws the signal's reason on abort; without a signal it hangs for good */
export function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason as Error);
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
