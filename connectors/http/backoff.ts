import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** Wait before the second try. Milliseconds. */
  firstMs: number;
  /** Longest wait. Milliseconds. */
  maxMs: number;
  /** Factor between one wait and the next. */
  growth: number;
  /** Share by which a wait is made longer or shorter by chance, so that many do not come at one moment. 0–1. */
  jitter: number;
}

/** The wait after try `tries` (1: the first). Milliseconds. */
export function backoffMs({ firstMs, maxMs, growth, jitter }: Backoff, tries: number, random = Math.random()): number {
  const planned = Math.min(maxMs, firstMs * growth ** Math.max(0, tries - 1));
  return Math.round(planned * (1 - jitter + 2 * jitter * random));
}

/** Waits. @throws the signal's reason at once on abort */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  try {
    await delay(Math.max(0, Math.min(ms, 2 ** 31 - 1)), undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
