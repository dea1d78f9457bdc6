import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { JobTask } from '../../contract/plan.ts';
import { readProgress } from '../../contract/progress.ts';
import type { ConnectorActivities } from '../activities.ts';
import { ProgressReporter } from './progress-reporter.ts';

/** When a job that came while all slots were taken is handed out again. Milliseconds. */
const BACK_AFTER = 300;

export interface SlotGate {
  /** @returns what to call when the job is over; undefined when there is no slot for it */
  admit(taskQueue: string): (() => void) | undefined;
}

/**
 * `processJob` for a worker whose slots are shared by several queues: a job that comes when they are taken goes back to its
 * queue, for this worker or another. That is an attempt for the server, not one of the job's own.
 * @param task what is told of the job besides what it brings: on a queue of no pool, the worker's own
 * @param worker identity, as in the Temporal Web UI
 */
export function withinSlots(
  processJob: ConnectorActivities['processJob'],
  gate: SlotGate,
  task: Pick<JobTask, 'pool' | 'capability'>,
  worker: string,
): ConnectorActivities['processJob'] {
  return async (given) => {
    const context = Context.current();
    const over = gate.admit(context.info.taskQueue);
    if (!over) throw handBack(context, given, worker);
    try {
      return await processJob({ ...given, ...task });
    } finally {
      over();
    }
  };
}

function handBack(context: Context, given: JobTask, worker: string): ApplicationFailure {
  const { info } = context;
  const inHeartbeat = readProgress(info.heartbeatDetails);
  // It ended in an orderly way: the next attempt must not take it for a crash.
  new ProgressReporter({
    heartbeat: (doc) => context.heartbeat(doc),
    durableHeartbeat: async () => {},
    previous: inHeartbeat ?? given.inherited,
    attempt: info.attempt,
    ended: inHeartbeat?.ended ?? 0,
    worker,
    intervalMs: 60_000,
  }).finish({});
  return ApplicationFailure.create({
    type: 'service_unavailable',
    message: 'The worker had just taken another job, or its backend is away; this one goes back to its queue',
    nextRetryDelay: BACK_AFTER,
  });
}
