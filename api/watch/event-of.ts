import { formatEventId, type EventPosition, type JobEvent } from '../../contract/job-events.ts';
import type { JobView, ProgressView } from '../../contract/job-view.ts';
import type { JobState } from '../../platform/jobs/job-state.ts';

/** @param state what is known of the present state; a state that is over tells only what its position does */
export function stateEvent(jobId: string, position: EventPosition, state: JobState | undefined): JobEvent {
  const waiting = position.phase === 0;
  const past = {
    status: waiting ? ('queued' as const) : ('running' as const),
    ...(waiting && position.attempt > 1 ? { status_reason: 'retry_backoff' as const } : {}),
    ...(position.phase === 2 ? { status_reason: 'cancel_requested' as const } : {}),
  };
  return {
    type: 'state',
    id: formatEventId(position),
    job_id: jobId,
    ...(state
      ? { status: state.status, status_reason: state.status_reason, status_message: state.status_message }
      : past),
    attempt: position.attempt,
    error: state?.error,
  };
}

export function progressEvent(jobId: string, position: EventPosition, progress: ProgressView): JobEvent {
  return { type: 'progress', id: formatEventId(position), job_id: jobId, attempt: position.attempt, progress };
}

export function snapshotEvent(position: EventPosition, job: JobView): JobEvent {
  return { type: 'snapshot', id: formatEventId(position), job };
}

export function endEvent(position: EventPosition, job: JobView): JobEvent {
  return { type: 'end', id: formatEventId(position), job };
}
