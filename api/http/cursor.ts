import { createHash } from 'node:crypto';
import { fieldProblem } from './http-problem.ts';

/**
 * An opaque place in a list. It holds Temporal's page token, which means something only together with the filters it
 * was made under: their hash travels along, and one of both, as Temporal does not tell a token that was changed on the
 * way from an outage.
 */
export function encodeCursor(token: Uint8Array, filters: unknown): string {
  const t = Buffer.from(token).toString('base64');
  return Buffer.from(JSON.stringify({ v: 1, t, f: hashOf(filters), c: hashOf([t, filters]) })).toString('base64url');
}

/** @throws HttpProblem validation when it is none of ours or of another list */
export function decodeCursor(cursor: string, filters: unknown): Uint8Array {
  const problem = (detail: string) =>
    fieldProblem('/cursor', detail, 'take next_cursor of the page before, with the same filters');
  let read: { v?: unknown; t?: unknown; f?: unknown; c?: unknown };
  try {
    read = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as typeof read;
  } catch {
    throw problem('is no cursor of this API');
  }
  if (read === null || typeof read !== 'object' || read.v !== 1 || typeof read.t !== 'string') {
    throw problem('is no cursor of this API');
  }
  if (read.f !== hashOf(filters)) throw problem('was made with other filters');
  if (read.c !== hashOf([read.t, filters])) throw problem('is no cursor of this API');
  return Buffer.from(read.t, 'base64');
}

function hashOf(filters: unknown): string {
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 12);
}
