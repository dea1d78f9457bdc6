import type { JobError } from '../../contract/errors.ts';
import type { JobStatus, StatusReason } from '../../contract/job-view.ts';
import { ANY_POOL, JOBS_TASK_QUEUE, parseTaskQueue, UNMATCHED_POOL } from '../../contract/task-queues.ts';
import type { QueuePresence } from '../presence/presence-cache.ts';
import { labelInWords } from '../routing/need-of.ts';
import type { LiveActivity, LiveJob } from './live-job.ts';

/** Status and, while it waits, the reason: both derived at read time, stored nowhere. */
export interface JobState {
  status: JobStatus;
  status_reason?: StatusReason;
  /** The reason in words, with the way out. Holds no running numbers, so that it changes only with the reason. */
  status_message?: string;
  attempt: number;
  /** Of the last failed attempt, or the end's. */
  error?: JobError;
}

/** Who serves a queue, as the presence cache knows it. */
export type QueueLookup = (taskQueue: string) => QueuePresence;

export interface StateHints {
  /** What the plan says about requirements that nothing meets. */
  unmatched?: string;
  /** What the plan says the job needs beyond a worker of its service. */
  needs?: string;
  /** The queue the job was routed to, while no activity tells it. */
  firstQueue?: string;
  /** A `processJob` has ended already. Without the history the number of events tells: 8 and more. */
  afterActivity?: boolean;
}

/** Events of a job before its first activity ends: start, task, activity scheduled. */
const EVENTS_BEFORE_RESULT = 7;

export function stateOf(live: LiveJob, queues: QueueLookup, hints: StateHints = {}): JobState {
  if (live.workflow !== 'running') return endedState(live);
  if (live.activity) return activityState(live, live.activity, queues, hints);
  if (hints.afterActivity ?? live.historyLength > EVENTS_BEFORE_RESULT) return betweenState(live, queues);
  if (live.cancelRequested) return { status: 'queued', attempt: 0, ...CANCELLING };
  return { status: 'queued', attempt: 0, ...firstReason(hints, queues) };
}

/** Why a job that was just accepted waits. */
function firstReason(hints: StateHints, queues: QueueLookup): Pick<JobState, 'status_reason' | 'status_message'> {
  if (hints.unmatched !== undefined) return unmatched(hints.unmatched);
  if (queues(JOBS_TASK_QUEUE) === 'none') return NO_ORCHESTRATOR;
  return hints.firstQueue === undefined ? { status_reason: 'starting' } : queueReason(hints.firstQueue, queues, hints);
}

const CANCELLING = {
  status_reason: 'cancel_requested',
  status_message: 'It was asked to stop and ends as cancelled once its worker has stopped',
} as const;

const NO_ORCHESTRATOR = {
  status_reason: 'no_orchestrator',
  status_message: 'No orchestrator is running; start one with `switchyard orchestrator` or `npm start`',
} as const;

/** The last activity is over and the workflow has not said how it goes on: a moment, unless nobody runs workflows. */
function betweenState(live: LiveJob, queues: QueueLookup): JobState {
  const waiting = live.cancelRequested ? CANCELLING : queues(JOBS_TASK_QUEUE) === 'none' ? NO_ORCHESTRATOR : {};
  return { status: 'running', attempt: 1, ...waiting };
}

function endedState(live: LiveJob): JobState {
  switch (live.workflow) {
    case 'completed':
      return { status: 'completed', attempt: 1 };
    case 'cancelled':
    case 'terminated':
      return { status: 'cancelled', attempt: 1 };
    case 'timed_out':
      return { status: 'timed_out', attempt: 1 };
    default:
      return { status: live.attributes.error?.startsWith('timed_out') ? 'timed_out' : 'failed', attempt: 1 };
  }
}

function activityState(live: LiveJob, activity: LiveActivity, queues: QueueLookup, hints: StateHints): JobState {
  const { attempt, lastError } = activity;
  const base = { attempt, error: lastError };
  switch (activity.state) {
    case 'started':
      return { status: 'running', ...base, ...(live.cancelRequested ? CANCELLING : {}) };
    case 'cancel_requested':
      return { status: 'running', ...base, ...CANCELLING };
    case 'paused':
      return {
        status: 'queued',
        ...base,
        status_reason: 'paused',
        status_message: 'It was paused in Temporal; unpause the activity there',
      };
    case 'scheduled':
      if (live.cancelRequested) return { status: 'queued', ...base, ...CANCELLING };
      return { status: 'queued', ...base, ...waitReason(activity, queues, hints) };
    default:
      return activity.state satisfies never;
  }
}

function waitReason(
  activity: LiveActivity,
  queues: QueueLookup,
  hints: StateHints,
): Pick<JobState, 'status_reason' | 'status_message'> {
  if (parseTaskQueue(activity.taskQueue)?.pool === UNMATCHED_POOL) return unmatched(hints.unmatched);
  if (activity.nextAttemptAt !== undefined) {
    const { lastError } = activity;
    return {
      status_reason: lastError?.code === 'rate_limited' ? 'rate_limited' : 'retry_backoff',
      status_message: `Attempt ${activity.attempt} starts at ${new Date(activity.nextAttemptAt).toISOString()}${
        lastError ? `; the last one failed: ${lastError.message}` : ''
      }`,
    };
  }
  return queueReason(activity.taskQueue, queues, hints);
}

function unmatched(message = 'No configured pool meets its requirements') {
  return {
    status_reason: 'unmatched_requirements' as const,
    status_message: `${message}. Configure a pool that does, or cancel the job and ask for less`,
  };
}

function queueReason(
  taskQueue: string,
  queues: QueueLookup,
  hints: StateHints,
): Pick<JobState, 'status_reason' | 'status_message'> {
  const { pool, capability, needs, hot } = parseTaskQueue(taskQueue) ?? {};
  if (hot) return HOT;
  switch (queues(taskQueue)) {
    case 'none':
      if (needs !== undefined) return nobodyFits(pool, capability, hints.needs ?? labelInWords(needs));
      return {
        status_reason: 'no_worker',
        status_message: `No worker serves the queue ${taskQueue}; start one with \`switchyard worker --pool ${pool} --capabilities ${capability}\`, which names the settings it may lack`,
      };
    case 'paused':
      return {
        status_reason: 'paused',
        status_message: `Pool ${pool} is paused and starts nothing; \`switchyard pools resume ${pool}\` lets it go on`,
      };
    case 'draining':
      return {
        status_reason: 'paused',
        status_message: `Pool ${pool} is being drained and starts nothing; \`switchyard pools resume ${pool}\` lets it go on`,
      };
    case 'busy':
      return { status_reason: 'concurrency_limit', status_message: `All workers of the queue ${taskQueue} are busy` };
    case 'unwell':
      return {
        status_reason: 'backend_unavailable',
        status_message: `The backend behind the workers of the queue ${taskQueue} is away; it starts by itself when that is back. \`switchyard services ${capability}\` says more`,
      };
    default:
      return { status_reason: 'starting' };
  }
}

const HOT = {
  status_reason: 'model_affinity',
  status_message:
    'It waits a few seconds for a worker that has its model loaded; after that any fitting worker takes it',
} as const;

function nobodyFits(pool: string | undefined, capability: string | undefined, needs: string) {
  const where = pool === ANY_POOL ? '' : ` in pool ${pool}`;
  return {
    status_reason: 'unmatched_requirements' as const,
    status_message: `No worker for ${capability} that is here now${where} has what it needs: ${needs}. It starts when one that has it comes; or cancel it and ask for less`,
  };
}
