import { isTerminal, type StatusReason } from '../../contract/job-view.ts';
import { plain } from '../output/text-width.ts';
import { reasonText, type WatchState } from './watch-state.ts';

/** Passing states that need no line of their own. */
const QUIET: readonly StatusReason[] = ['starting'];

/** Reasons that say the failure once more. */
const AFTER_A_FAILURE: readonly StatusReason[] = ['retry_backoff', 'rate_limited'];

export interface Change {
  kind: 'bad' | 'waiting' | 'info';
  text: string;
}

/**
 * What a person wants to be told of the step from one state to the next, beside progress: an attempt that failed, why
 * the job waits, that it moved to another pool. The end is told elsewhere.
 */
export function changesOf(before: WatchState | undefined, state: WatchState): Change[] {
  if (isTerminal(state.status)) return [];
  const changes: Change[] = [];
  const { error, reason } = state;
  const afterFailure = reason !== undefined && AFTER_A_FAILURE.includes(reason);
  const failedAgain = afterFailure && before !== undefined && state.attempt > before.attempt;
  if (error && (error.message !== before?.error?.message || failedAgain)) {
    // Temporal counts the coming attempt as soon as one has failed.
    changes.push({
      kind: 'bad',
      text: `attempt ${Math.max(1, state.attempt - 1)} failed: ${error.code}: ${plain(error.message)}`,
    });
    if (afterFailure) return changes;
  }
  if (before && state.attempt > before.attempt && state.attempt > 1 && state.status === 'running') {
    changes.push({ kind: 'info', text: `attempt ${state.attempt} started` });
  }
  if (before && state.pool !== before.pool) changes.push({ kind: 'info', text: `moved to pool ${state.pool}` });
  // A past wait, told again after a cut, carries no words of its own.
  if (afterFailure && state.why === undefined) return changes;
  if (reason && !QUIET.includes(reason) && (reason !== before?.reason || state.why !== before?.why)) {
    changes.push({
      kind: 'waiting',
      text: state.why ? `${reasonText(reason)}: ${plain(state.why)}` : reasonText(reason),
    });
  }
  return changes;
}
