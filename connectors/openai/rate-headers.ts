import type { Allowances } from '../base/hosted/rate-headroom.ts';

const PARTS = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration as in `x-ratelimit-reset-requests`: `20ms`, `1s`, `6m0s`, `1h2m3.5s`. */
export function parseReset(text: string | undefined): number | undefined {
  const parts = [...(text ?? '').matchAll(PARTS)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit as string] as number), 0);
}

/** `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; what is missing or unreadable is left out. */
export function readRateHeaders(headers: Readonly<Record<string, string>>): Allowances {
  const entries = (['requests', 'tokens'] as const).flatMap((name) => {
    const limit = Number(headers[`x-ratelimit-limit-${name}`] ?? Number.NaN);
    const remaining = Number(headers[`x-ratelimit-remaining-${name}`] ?? Number.NaN);
    const reset_ms = parseReset(headers[`x-ratelimit-reset-${name}`]);
    if (Number.isNaN(limit) || Number.isNaN(remaining) || reset_ms === undefined) return [];
    return [[name, { limit, remaining, reset_ms }] as const];
  });
  return Object.fromEntries(entries);
}
