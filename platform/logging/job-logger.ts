import { payloadHider } from './hide-payload.ts';
import type { Logger } from './logger.ts';
import { serializeError } from './serialize-error.ts';

/**
 * A logger for one job: its lines carry the bindings, and no text of the job's payload, however it got into an error or
 * a field.
 */
export function jobLogger(parent: Logger, bindings: Record<string, unknown>, payload: unknown): Logger {
  let hide: ((text: string) => string) | undefined;
  // Most jobs log no text that could hold any: the payload is looked through when one does.
  const clean = (text: string) => (hide ??= payloadHider(payload))(text);
  return parent.child(bindings, {
    serializers: { err: (error: unknown) => cleaned(serializeError(error), clean, 0) },
    formatters: { log: (record) => cleanRecord(record as Record<string, unknown>, clean) },
  });
}

/** Fields that Switchyard itself fills in, with words of its own. */
const OWN = new Set(['err', 'event', 'code', 'service', 'pool', 'connector', 'plugin', 'hook']);

function cleanRecord(record: Record<string, unknown>, clean: (text: string) => string): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    copy[key] = OWN.has(key) || key.endsWith('_id') ? value : cleaned(value, clean, 0);
  }
  return copy;
}

function cleaned(value: unknown, clean: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null || value instanceof Error || depth > 4) return value;
  if (Array.isArray(value)) return value.map((entry) => cleaned(entry, clean, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, cleaned(entry, clean, depth + 1)]));
}
