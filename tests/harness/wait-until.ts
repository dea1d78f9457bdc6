/**
 * Retries an assertion until it holds.
 * @param check throws, or returns false, while it does not hold yet
 * @param timeoutMs generous: these machines are slow and noisy
 */
export async function waitUntil<T>(
  check: () => T | Promise<T>,
  timeoutMs = 60_000,
  intervalMs = 50,
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value !== false && value !== undefined && value !== null) return value as Exclude<NonNullable<T>, false>;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error(`not so after ${timeoutMs} ms`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** Holds once so much time has passed; only for tests whose subject is time itself. */
export function elapsed(ms: number): () => boolean {
  const from = performance.now();
  return () => performance.now() - from >= ms;
}
