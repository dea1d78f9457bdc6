import type { Client } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { AMEND_SIGNAL, type JobAmendment } from '../../contract/job-amendment.ts';
import { DEFAULT_TENANT } from '../../contract/search-attributes.ts';
import type { JobHistory } from './job-history.ts';
import { readDocument } from './job-start.ts';
import type { LiveActivity, LiveJob } from './live-job.ts';
import { bounded } from './temporal-calls.ts';

type Options = NonNullable<Parameters<Client['workflowService']['updateActivityOptions']>[0]['activityOptions']>;

/** After the worker's own run time-out, what the workflow grants it to stop; see workflows/run-on-route.ts. */
const STOP_GRACE_MS = 30_000;

/**
 * Tells the workflow, for activities to come, and changes the activity under way, which costs no event.
 * @param heartbeatMs what a job's activities have unless its plan says otherwise
 * @throws TemporalUnavailableError, TemporalBusyError; gRPC NOT_FOUND when the run has ended meanwhile
 */
export async function changeJob(
  client: Client,
  live: LiveJob,
  history: JobHistory,
  change: JobAmendment,
  heartbeatMs: number,
  ms: number,
): Promise<void> {
  const { activity, workflowId, runId } = live;
  // The durable half first: an activity that moves on in between finds the change already made.
  await bounded(client, ms, () => client.workflow.getHandle(workflowId, runId).signal(AMEND_SIGNAL, change));
  if (!activity) return;
  const { options, paths } = optionsOf(activity, history, change, heartbeatMs);
  if (paths.length === 0) return;
  const { namespace, identity } = client.options;
  await bounded(client, ms, () =>
    client.workflowService.updateActivityOptions({
      namespace,
      identity,
      execution: { workflowId, runId },
      id: activity.activityId,
      activityOptions: options,
      updateMask: { paths },
    }),
  );
}

function optionsOf(
  activity: LiveActivity,
  history: JobHistory,
  change: JobAmendment,
  heartbeatMs: number,
): { options: Options; paths: string[] } {
  const options: Options = {};
  const paths: string[] = [];
  if (change.priority !== undefined) {
    // An activity with a priority of its own no longer inherits the workflow's, the fairness key included.
    options.priority = { priorityKey: change.priority, fairnessKey: DEFAULT_TENANT };
    paths.push('priority.priority_key', 'priority.fairness_key');
  }
  if (change.route !== undefined) {
    options.taskQueue = { name: change.route.task_queue };
    paths.push('task_queue.name');
  }
  if (change.deadline !== undefined || change.route !== undefined) {
    options.scheduleToStartTimeout = duration(waitLeft(activity, history, change));
    paths.push('schedule_to_start_timeout');
  }
  if (change.deadline !== undefined) {
    const track = history.tracks.find((one) => one.number === activity.number);
    const from = track?.scheduledAt ?? activity.scheduledAt ?? history.start.createdAt;
    const close = change.deadline === null ? undefined : Math.max(1, Date.parse(change.deadline) - from);
    options.scheduleToCloseTimeout = duration(close);
    // The server cuts these to the deadline and leaves them cut: a later deadline must restore them.
    options.startToCloseTimeout = duration((track?.runTimeoutMs ?? 0) + STOP_GRACE_MS);
    options.heartbeatTimeout = duration(history.start.prepared?.plan.heartbeat_timeout_ms ?? heartbeatMs);
    paths.push('schedule_to_close_timeout');
    if (track?.runTimeoutMs !== undefined) paths.push('start_to_close_timeout', 'heartbeat_timeout');
  }
  return { options, paths };
}

/** How long it may wait in its queue from when it was put there: until its start time-out or the next route's turn. */
function waitLeft(activity: LiveActivity, { start, tracks }: JobHistory, change: JobAmendment): number | undefined {
  const plan = start.prepared?.plan;
  const startTimeout = plan?.start_timeout_ms ?? Number(readDocument(start.document).start_timeout);
  const scheduledAt = tracks.find((one) => one.number === activity.number)?.scheduledAt ?? start.createdAt;
  const ran = activity.attempt > 1 || activity.progress !== undefined;
  const untilStart = Number.isFinite(startTimeout) && !ran ? start.createdAt + startTimeout - scheduledAt : undefined;
  const route = change.route ? undefined : plan?.routes.find((one) => one.task_queue === activity.taskQueue);
  const limits = [untilStart, route?.spill_after_ms].filter((one) => one !== undefined);
  return limits.length > 0 ? Math.max(1, Math.min(...limits)) : undefined;
}

/** Temporal takes zero for none. */
function duration(ms: number | undefined) {
  return msNumberToTs(ms ?? 0);
}
