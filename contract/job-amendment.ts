import type { Route } from './plan.ts';

/** Name of the signal that carries a {@link JobAmendment} to the `job` workflow. */
export const AMEND_SIGNAL = 'amend';

/**
 * What a client changes of a job that goes on. The activity under way gets its options from the API directly, without
 * an event; the workflow must know what holds for the activities that may follow. Costs events, on this path only.
 */
export interface JobAmendment {
  priority?: number;
  /** RFC 3339; null: none. */
  deadline?: string | null;
  tags?: string[];
  /** The one route from now on. */
  route?: Route;
}
