/** Longer waits are taken for this: a header that says "in a year" must not park a job for good. Milliseconds. */
const LONGEST = 24 * 3_600_000;

/**
 * Reads `Retry-After` (seconds or an HTTP date, RFC 9110 section 10.2.3) and `retry-after-ms` (OpenAI and Azure).
 * @param headers names in lower case
 * @param now epoch milliseconds, which an HTTP date is compared with
 * @returns milliseconds to wait, 0 for a moment that has passed; undefined without a usable header
 */
export function retryAfterOf(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const exact = numberIn(headers['retry-after-ms']);
  if (exact !== undefined) return bounded(exact);
  const value = headers['retry-after']?.trim();
  if (!value) return undefined;
  const seconds = numberIn(value);
  if (seconds !== undefined) return bounded(seconds * 1_000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : bounded(at - now);
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function bounded(ms: number): number {
  return Math.round(Math.min(LONGEST, Math.max(0, ms)));
}
