import type { JobError } from '../../contract/errors.ts';
import { parseTaskQueue } from '../../contract/task-queues.ts';
import type { ActivityTrack, JobHistory } from './job-history.ts';
import type { LiveActivity, LiveJob } from './live-job.ts';

/**
 * One attempt of a job. Temporal keeps the last attempt of each `processJob` and the failure of the one before it; of
 * earlier ones only that they were.
 */
export interface JobAttempt {
  /** 1-based, counted over all pools. */
  number: number;
  state: 'queued' | 'waiting' | 'running' | 'completed' | 'failed' | 'timed_out' | 'cancelled' | 'not_started';
  pool?: string;
  task_queue: string;
  started_at?: string;
  ended_at?: string;
  worker?: string;
  error?: JobError;
  /** When the attempt starts, while it waits for its back-off to end. */
  next_try_at?: string;
}

/** Every attempt from the history and the pending activity, first one first. */
export function attemptsOf(live: LiveJob, history: JobHistory): JobAttempt[] {
  const attempts: Omit<JobAttempt, 'number'>[] = [];
  for (const track of history.tracks) {
    const pending = !history.end && live.activity?.number === track.number ? live.activity : undefined;
    attempts.push(...(pending ? pendingAttempts(pending) : closedAttempts(track)));
  }
  return attempts.map((attempt, index) => ({ number: index + 1, ...attempt }));
}

function pendingAttempts(activity: LiveActivity): Omit<JobAttempt, 'number'>[] {
  const at = place(activity.taskQueue);
  const earlier = earlierAttempts(activity.attempt - 1, at, activity.lastError, activity.lastEndedAt);
  const waiting = activity.nextAttemptAt !== undefined;
  const started = activity.state === 'started' || activity.state === 'cancel_requested';
  return [
    ...earlier,
    {
      state: started ? 'running' : waiting ? 'waiting' : 'queued',
      ...at,
      started_at: started ? iso(activity.startedAt) : undefined,
      worker: started ? activity.worker : undefined,
      next_try_at: iso(activity.nextAttemptAt),
    },
  ];
}

function closedAttempts(track: ActivityTrack): Omit<JobAttempt, 'number'>[] {
  const at = place(track.taskQueue);
  if (track.attempts === 0) {
    return [{ state: 'not_started', ...at, ended_at: iso(track.endedAt), error: track.error }];
  }
  return [
    ...earlierAttempts(track.attempts - 1, at, track.previousError),
    {
      state: track.outcome ?? 'running',
      ...at,
      started_at: iso(track.startedAt),
      ended_at: iso(track.endedAt),
      worker: track.worker,
      error: track.error,
    },
  ];
}

function earlierAttempts(
  count: number,
  at: ReturnType<typeof place>,
  lastError: JobError | undefined,
  lastEndedAt?: number,
): Omit<JobAttempt, 'number'>[] {
  return Array.from({ length: count }, (_, index) => {
    const last = index === count - 1;
    return { state: 'failed', ...at, ...(last ? { error: lastError, ended_at: iso(lastEndedAt) } : {}) };
  });
}

function place(taskQueue: string) {
  return { pool: parseTaskQueue(taskQueue)?.pool, task_queue: taskQueue };
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
