/**
 * Longest line that is written. Docker cuts lines at 16 KiB, and Fluent Bit's `tail` passes over lines longer than its
 * buffer (32 KiB unless set). Bytes.
 */
const MAX_LINE = 15_000;
/** Longest text in a line that is too long. */
const MAX_TEXT = 1_000;
const MAX_ENTRIES = 50;
/** What is left of a line that no cutting makes short enough. */
const CORE = ['level', 'time', 'name', 'pid', 'machine_id', 'worker_id', 'job_id', 'service', 'event', 'code', 'msg'];

/** Keeps a JSON log line to a length that collectors take: long texts and lists of an over-long line are cut. */
export function shortenLine(line: string): string {
  if (fits(line)) return line;
  try {
    const record = JSON.parse(line) as Record<string, unknown>;
    const { msg, ...others } = record;
    const shorter = JSON.stringify({ ...(cut(others, MAX_TEXT, 0) as object), msg: cut(msg, MAX_TEXT, 0) });
    if (fits(shorter)) return `${shorter}\n`;
    const core = CORE.filter((key) => Object.hasOwn(record, key)).map((key) => [key, cut(record[key], 200, 4)]);
    return `${JSON.stringify({ ...Object.fromEntries(core), truncated: true })}\n`;
  } catch {
    return line;
  }
}

function fits(line: string): boolean {
  return line.length * 3 <= MAX_LINE || Buffer.byteLength(line) <= MAX_LINE;
}

function cut(value: unknown, most: number, depth: number): unknown {
  if (typeof value === 'string')
    return value.length <= most ? value : `${value.slice(0, most)}… (${value.length} characters)`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 6) return '…';
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => cut(entry, most, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ENTRIES)
      .map(([key, entry]) => [key, cut(entry, most, depth + 1)]),
  );
}
