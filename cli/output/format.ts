const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 12_400_000 → "12.4 MB" (decimal units, as disks and networks count). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${BYTE_UNITS[unit]}`;
}

/** For people: "0.4s", "12s", "3m 05s", "2h 04m", "3d 1h". */
export function formatElapsed(ms: number): string {
  const clipped = Math.max(0, ms);
  if (clipped < 9_950) return `${(Math.round(clipped / 100) / 10).toFixed(1)}s`;
  const s = Math.round(clipped / 1_000);
  if (s < 60) return `${s}s`;
  if (s < 3_600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)}h ${two(Math.floor((s % 3_600) / 60))}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3_600)}h`;
}

/** Coarse, for a countdown: whole seconds, then as {@link formatElapsed}. */
export function formatLeft(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1_000));
  return s < 60 ? `${s}s` : formatElapsed(s * 1_000);
}

/** "now", "12s ago", "3m ago", "2h ago", "5d ago" */
export function formatAge(iso: string | undefined, now: number): string {
  const at = iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return '';
  const s = Math.round((now - at) / 1_000);
  if (s < 1) return 'now';
  if (s < 60) return `${s}s ago`;
  if (s < 3_600) return `${Math.floor(s / 60)}m ago`;
  if (s < 172_800) return `${Math.floor(s / 3_600)}h ago`;
  return `${Math.floor(s / 86_400)}d ago`;
}

/** Local wall clock, "14:03:07". */
export function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local date and time with the age, "2026-01-31 14:03:07 (3m ago)". */
export function formatTime(iso: string, now: number): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const future = date.getTime() > now;
  const distance = future ? `in ${formatElapsed(date.getTime() - now)}` : formatAge(iso, now);
  return `${day} ${clock(date)} (${distance})`;
}

/** "1 job", "3 jobs" */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
