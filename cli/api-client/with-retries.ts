import { setTimeout as sleep } from 'node:timers/promises';
import { note, type Terminal } from '../terminal.ts';
import { ApiError, isPassing, UnreachableError } from './errors.ts';

const TRIES = 4;
const PAUSE = 1_000;
const LONGEST_PAUSE = 5_000;

/**
 * Tries again what may be sent twice when Temporal is away for a moment or the answer was lost. An address where
 * nobody listens is no passing trouble: that is told at once.
 * @param onPause told why, and how long the pause is; milliseconds
 */
export async function withRetries<T>(
  run: () => Promise<T>,
  onPause: (error: Error, pauseMs: number) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      const refused = error instanceof UnreachableError && error.refused;
      if (attempt === TRIES || refused || !isPassing(error)) throw error;
      const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
      const pause = Math.min(LONGEST_PAUSE, asked ?? PAUSE * attempt);
      onPause(error as Error, pause);
      await sleep(pause);
    }
  }
}

/** What a user is told between two tries. */
export function sayTryingAgain(terminal: Terminal): (error: Error, pauseMs: number) => void {
  return (error, pauseMs) =>
    note(terminal, `Not taken yet (${error.message}); trying again in ${Math.ceil(pauseMs / 1_000)} s.`);
}
