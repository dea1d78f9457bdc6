import type { Info } from '@temporalio/activity';
import type { JobTask } from '../../contract/plan.ts';
import type { ProgressDocument } from '../../contract/progress.ts';

/** An attempt as it begins. */
export interface AttemptStart {
  service: string;
  pool: string;
  capability: string;
  /** 1–5. */
  priority: number;
  /** From when the attempt was due until it began; the server's clock against the worker's. Seconds. */
  waited: number;
  /** An attempt before this one failed or was lost with its worker; one that was only handed on does not count. */
  retry: boolean;
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** `completed`, `cancelled`, `handed_over` or an error code. */
  outcome: string;
  /** Of this attempt. Seconds. */
  ran: number;
  /** The job is over with it. */
  final: boolean;
  /** Since the job was submitted; the server's clock against the worker's. Seconds. */
  sinceSubmission: number;
  /** It went on with the backend's job of an earlier attempt. */
  reattached: boolean;
}

/** Hears of attempts; for metrics. */
export interface AttemptObserver {
  started(start: AttemptStart): void;
  ended(start: AttemptStart, end: AttemptEnd): void;
}

/** Tells the observer of one attempt. @returns to be called once, at its end */
export function observeAttempt(
  observer: AttemptObserver | undefined,
  task: JobTask,
  info: Pick<Info, 'attempt' | 'priority' | 'currentAttemptScheduledTimestampMs'>,
  previous: ProgressDocument | undefined,
): (outcome: string, final: boolean, document?: ProgressDocument) => void {
  const started = performance.now();
  const lost = info.attempt - 1 - (previous?.ended ?? 0);
  const start: AttemptStart = {
    service: task.job.service,
    pool: task.pool,
    capability: task.capability,
    priority: info.priority?.priorityKey ?? task.job.priority,
    waited: secondsSince(info.currentAttemptScheduledTimestampMs),
    retry: info.attempt > 1 && (lost > 0 || previous?.last_code !== undefined),
  };
  observer?.started(start);
  return (outcome, final, document) =>
    observer?.ended(start, {
      outcome,
      ran: (performance.now() - started) / 1_000,
      final,
      sinceSubmission: secondsSince(task.created_at),
      reattached: wentOn(previous, document, outcome),
    });
}

/** The same backend job as before, and it got on: an attempt that found the backend away keeps its id too. */
function wentOn(before: ProgressDocument | undefined, after: ProgressDocument | undefined, outcome: string): boolean {
  if (before?.service_job_id === undefined || after?.service_job_id !== before.service_job_id) return false;
  return outcome === 'completed' || after.progress > before.progress;
}

function secondsSince(ms: number): number {
  return Math.max(0, Date.now() - ms) / 1_000;
}
