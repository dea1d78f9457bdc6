import type { JobError } from '../../contract/errors.ts';
import type { JobEvent } from '../../contract/job-events.ts';
import type { JobStatus, JobView, ProgressView, StatusReason } from '../../contract/job-view.ts';

/** What is known of a watched job, put together from its events. Times are of our own monotonic clock, milliseconds. */
export interface WatchState {
  id: string;
  service: string;
  pool: string;
  status: JobStatus;
  reason?: StatusReason;
  /** The reason in words. */
  why?: string;
  attempt: number;
  maxAttempts: number;
  /** The last failure of an attempt. */
  error?: JobError;
  progress?: ProgressView;
  /** When `progress` came: the countdown runs from here, since the worker's clock may be another. */
  progressAt: number;
  /** When the present status began, as far as we saw it. */
  since: number;
}

/** The state after an event. Progress never falls; what an event does not tell stays. */
export function applyEvent(state: WatchState | undefined, event: JobEvent, now: number): WatchState | undefined {
  switch (event.type) {
    case 'snapshot':
    case 'end':
      return fromJob(event.job, state, now);
    case 'state':
      return (
        state && {
          ...state,
          status: event.status,
          reason: event.status_reason,
          why: event.status_message,
          attempt: event.attempt,
          error: event.error ?? state.error,
          since: event.status === state.status ? state.since : now,
        }
      );
    case 'progress':
      return state && { ...state, attempt: event.attempt, ...newer(state, event.progress, now) };
    default:
      return event satisfies never;
  }
}

function fromJob(job: JobView, before: WatchState | undefined, now: number): WatchState {
  return {
    id: job.id,
    service: job.service,
    pool: job.pool,
    status: job.status,
    reason: job.status_reason,
    why: job.status_message,
    attempt: job.attempt,
    maxAttempts: job.max_attempts,
    error: job.error,
    ...newer(before, job.progress, now),
    since: before?.status === job.status ? before.since : now,
  };
}

function newer(before: WatchState | undefined, progress: ProgressView | undefined, now: number) {
  const known = before?.progress;
  if (!progress || (known && progress.seq < known.seq))
    return { progress: known, progressAt: before?.progressAt ?? now };
  if (known?.seq === progress.seq) return { progress: known, progressAt: before?.progressAt ?? now };
  return { progress: { ...progress, percent: Math.max(progress.percent, known?.percent ?? 0) }, progressAt: now };
}

/** Milliseconds the worker expects to need from `now` on; undefined when it did not say or is past it. */
export function timeLeft(state: WatchState, now: number): number | undefined {
  const eta = state.progress?.eta_ms;
  if (state.status !== 'running' || eta === undefined) return undefined;
  const left = eta - (now - state.progressAt);
  return left > 0 ? left : undefined;
}

/** "tile 6/24", "step 6/24", "decode"; empty when the worker told no step, or tells it in its message already. */
export function stepText(progress: ProgressView): string {
  const { step, step_index: index, total_steps: total, message } = progress;
  if (index === undefined) return step ?? '';
  if (total !== undefined && new RegExp(`\\b${index}\\b.*\\b${total}\\b`).test(message ?? '')) return '';
  return `${step ?? 'step'} ${index}${total === undefined ? '' : `/${total}`}`;
}

const REASONS: Record<StatusReason, string> = {
  starting: 'starting',
  no_worker: 'no worker',
  no_orchestrator: 'no orchestrator',
  concurrency_limit: 'all workers busy',
  backend_unavailable: 'backend away',
  retry_backoff: 'waiting to retry',
  rate_limited: 'rate limited',
  cancel_requested: 'cancelling',
  unmatched_requirements: 'requirements not met',
  model_affinity: 'for a loaded model',
  awaiting_approval: 'awaiting approval',
  held: 'held',
  paused: 'paused',
};

/** Two or three words for a narrow place. */
export function reasonText(reason: StatusReason): string {
  return REASONS[reason] ?? reason;
}
