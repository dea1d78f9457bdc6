import type { LogFieldKind, LogFields, LogFieldSet } from '../../contract/log-fields.ts';

const MAX_TEXT = 200;
const MAX_FIELDS = 32;

/** Keys that a record has anyway; a normalized field of that name would stand in it twice. */
export const RESERVED = new Set([
  ...['level', 'time', 'msg', 'message', 'name', 'pid', 'hostname', 'err', 'v', 'event'],
  ...['machine_id', 'worker_id', 'connector_id', 'service_type', 'job_id', 'service', 'pool', 'attempt'],
  ...['input_size', 'progress', 'step', 'total_steps', 'detail', 'duration_ms', 'artifacts', 'code', 'service_job_id'],
]);
/** What a connector without a set of its own must not log by mistake. */
const CONTENT = /prompt$|payload|input|messages?|content|text|body|headers|result|output|image|url/;

/**
 * Values fit for a log record: those of the set, of the kind it says.
 * @param set undefined: whatever is a short text, a number, a flag or counts, unless its name speaks of content
 */
export function pickFields(values: LogFields, set: LogFieldSet | undefined): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const key = snakeCase(name);
    if (RESERVED.has(key) || Object.keys(picked).length >= MAX_FIELDS) continue;
    const kind = set ? (Object.hasOwn(set, key) ? set[key] : undefined) : guessKind(key, value);
    const fit = kind && fitting(value, kind);
    if (fit !== undefined) picked[key] = fit;
  }
  return picked;
}

function guessKind(key: string, value: unknown): LogFieldKind | undefined {
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'flag';
  if (CONTENT.test(key)) return undefined;
  return typeof value === 'string' ? 'text' : 'counts';
}

function fitting(value: unknown, kind: LogFieldKind): unknown {
  switch (kind) {
    case 'text':
      return typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'flag':
      return typeof value === 'boolean' ? value : undefined;
    case 'counts':
      return countsIn(value);
  }
}

function countsIn(value: unknown): Record<string, number> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const counts = Object.entries(value).filter(([, count]) => typeof count === 'number' && Number.isFinite(count));
  return counts.length > 0 ? (Object.fromEntries(counts.slice(0, 16)) as Record<string, number>) : undefined;
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}
