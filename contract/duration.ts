const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** How durations look on the wire; shown in help texts and in the OpenAPI document. */
export const DURATION_HINT = 'a number of seconds, or text such as "90s", "5m", "2h", "7d"';

/**
 * Reads a duration of the job document or the configuration.
 * @param value seconds as a number, or a number with one of the units ms, s, m, h, d
 * @returns milliseconds, or undefined when the text is not a duration
 */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.round(value * 1_000) : undefined;
  const match = PATTERN.exec(value.trim());
  if (!match) return undefined;
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}

/** The largest unit that keeps it short: 90000 → "90s", 7200000 → "2h". For messages. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  for (const unit of ['d', 'h', 'm'] as const) {
    if (ms >= UNITS[unit] && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${Math.round(ms / 100) / 10}s`;
}
