import { DURATION_HINT, parseDuration } from '../../contract/duration.ts';

/** A shorter one ends everything before it begins, a longer one nothing that still runs. Milliseconds. */
const [SHORTEST, LONGEST] = [5_000, 24 * 3_600_000];

export const DEADLINE_HINT = `must be between 5s and 24h: ${DURATION_HINT}`;

/** Whether it can stand in the header `Cancel-After`. */
export function isDeadline(value: string | number): boolean {
  const ms = parseDuration(value);
  return ms !== undefined && ms >= SHORTEST && ms <= LONGEST;
}

/** The header of a submission; none without a deadline. */
export function cancelAfter(value: string | number | undefined): Record<string, string> {
  const ms = value === undefined ? undefined : parseDuration(value);
  return ms === undefined ? {} : { 'cancel-after': `${Math.ceil(ms / 1_000)}s` };
}
