import type { JobStatus, JobView, ProgressView, StatusReason } from './job-view.ts';
import type { JobError } from './errors.ts';

/**
 * What SSE and WebSocket subscribers of one job get. `snapshot` first, `end` last and always. Between them every state
 * change; progress in between may be merged, and never falls.
 */
export type JobEvent =
  | { type: 'snapshot'; id: string; job: JobView }
  | {
      type: 'state';
      id: string;
      job_id: string;
      status: JobStatus;
      status_reason?: StatusReason;
      status_message?: string;
      attempt: number;
      error?: JobError;
    }
  | { type: 'progress'; id: string; job_id: string; attempt: number; progress: ProgressView }
  | { type: 'end'; id: string; job: JobView };

/**
 * Place of an event in a job's life, derived from Temporal's state alone, so that any API process, also one started
 * later, gives the same event the same place. Compared field by field from the left.
 */
export interface EventPosition {
  /** 0 while the job goes on, 1 at its end. */
  ended: 0 | 1;
  /** Temporal's activity id: which `processJob` of this job (spill-over starts another). 0 before the first. */
  activity: number;
  /** Attempt of that activity. */
  attempt: number;
  /** 0 waiting, 1 running, 2 running and asked to cancel. */
  phase: 0 | 1 | 2;
  /** The activity's sequence number. */
  seq: number;
}

/** The `id:` field of an SSE event. */
export function formatEventId(p: EventPosition): string {
  return [p.ended, p.activity, p.attempt, p.phase, p.seq].join('-');
}

/** Reads a `Last-Event-ID`; undefined when it is none of ours. */
export function parseEventId(id: string): EventPosition | undefined {
  if (!/^[01]-\d{1,9}-\d{1,9}-[012]-\d{1,15}$/.test(id)) return undefined;
  const [ended, activity, attempt, phase, seq] = id.split('-').map(Number) as [
    0 | 1,
    number,
    number,
    0 | 1 | 2,
    number,
  ];
  return { ended, activity, attempt, phase, seq };
}

/** Negative when a comes before b. */
export function comparePositions(a: EventPosition, b: EventPosition): number {
  return a.ended - b.ended || a.activity - b.activity || a.attempt - b.attempt || a.phase - b.phase || a.seq - b.seq;
}
