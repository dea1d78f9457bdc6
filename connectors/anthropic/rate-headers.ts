import type { Allowances } from '../base/hosted/rate-headroom.ts';

const LIMITS = ['requests', 'tokens', 'input-tokens', 'output-tokens'] as const;

/**
 * `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`; what is missing or
 * unreadable is left out.
 * @param now epoch milliseconds; `reset` is a time of day (RFC 3339)
 */
export function readRateHeaders(headers: Readonly<Record<string, string>>, now: number): Allowances {
  const entries = LIMITS.flatMap((name) => {
    const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map(
      (part) => headers[`anthropic-ratelimit-${name}-${part}`],
    );
    const at = Date.parse(reset ?? '');
    if (limit === undefined || remaining === undefined || Number.isNaN(at)) return [];
    const allowance = { limit: Number(limit), remaining: Number(remaining), reset_ms: Math.max(0, at - now) };
    return Number.isNaN(allowance.limit + allowance.remaining) ? [] : [[name, allowance] as const];
  });
  return Object.fromEntries(entries);
}
