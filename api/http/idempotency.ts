import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { encodeId } from '../../contract/ids.ts';
import { DEFAULT_TENANT } from '../../contract/search-attributes.ts';
import { HttpProblem } from './http-problem.ts';

const MAX_LENGTH = 255;

/**
 * The Idempotency-Key header, which some clients put in quotes.
 * @throws HttpProblem validation
 */
export function idempotencyKey(req: IncomingMessage): string | undefined {
  const header = req.headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = [header].flat().join(',').trim();
  if (key.length === 0 || key.length > MAX_LENGTH || !/^[\x20-\x7e]+$/.test(key)) {
    throw new HttpProblem('validation', `Idempotency-Key must be 1–${MAX_LENGTH} printable ASCII characters`);
  }
  return key;
}

/** The job id that belongs to a key: any API process comes to the same, so Temporal decides who was first. */
export function idempotencyId(key: string): string {
  return encodeId(createHash('sha256').update(`${DEFAULT_TENANT}\0${key}`).digest());
}

/** Two bodies that mean the same have one hash: the order of fields does not count. */
export function requestHash(body: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(body)))
    .digest('base64url');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
