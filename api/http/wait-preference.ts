import { fieldProblem, HttpProblem } from './http-problem.ts';

const MAX_WAIT_S = 60;

/**
 * Seconds a client wants to wait, from `Prefer: wait=N` (RFC 7240). Other preferences are none of ours and left alone.
 * @returns undefined when the client did not ask
 * @throws HttpProblem validation
 */
export function waitPreference(header: string | string[] | undefined): number | undefined {
  for (const preference of [header ?? []].flat().join(',').split(',')) {
    const match = /^\s*wait(?![\w-])\s*(?:=\s*"?([^"\s;]*)"?)?/i.exec(preference);
    if (!match) continue;
    return seconds(match[1] ?? '', (detail) => new HttpProblem('validation', `Prefer: wait ${detail}`));
  }
  return undefined;
}

/** The same from `?wait=N`. */
export function waitParameter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  return seconds(value, (detail) => fieldProblem('/wait', detail));
}

function seconds(text: string, problem: (detail: string) => HttpProblem): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_WAIT_S) return value;
  throw problem(`must be 1–${MAX_WAIT_S} seconds, got "${text.slice(0, 20)}"`);
}
