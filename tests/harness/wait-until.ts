/**
 * Retries an assertion until it holds.
 * @param check throws, or returns false, while it does not hold yet
 * @param timeoutMs generous: these machines are slow and noisy
 */
export async function waitUntil<T>(
  check: () => T | Promise<T>,
  timeoutMs = 60_000,
  intervalMs = 50,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value !== false && value !== undefined && value !== null) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error(`not so after ${timeoutMs} ms`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
