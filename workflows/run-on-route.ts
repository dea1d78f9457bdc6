import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ConnectorActivities } from '../activities/activities.ts';
import type { JobOutcome, JobPlan, JobTask } from '../contract/plan.ts';
import type { RouteStep } from './job-router.ts';

/**
 * The server's own limit. It only ends crash loops that kill the worker before our code can count; rate limits, drain
 * and shutdown use up attempts of the server's, which must not end a job.
 */
const SERVER_MAX_ATTEMPTS = 1_000;

/** After the worker's own run time-out, the time it has to stop the backend and say so. Milliseconds. */
const STOP_GRACE = 30_000;

/** Runs `processJob` on one pool and capability. */
export function runOnRoute(
  step: RouteStep,
  task: Omit<JobTask, 'pool' | 'capability' | 'inherited'>,
  plan: JobPlan,
  priority: number,
): Promise<JobOutcome> {
  const { route } = step;
  const own = workflowInfo().priority;
  const { processJob } = proxyActivities<ConnectorActivities>({
    taskQueue: route.task_queue,
    // Set explicitly: the default, TRY_CANCEL, would call a job cancelled while its backend still works.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    heartbeatTimeout: plan.heartbeat_timeout_ms,
    // The worker ends an attempt at its run time-out itself; this is for a worker that cannot.
    startToCloseTimeout: plan.run_timeout_ms + STOP_GRACE,
    scheduleToStartTimeout: step.scheduleToStartTimeout,
    scheduleToCloseTimeout: step.scheduleToCloseTimeout,
    retry: {
      initialInterval: plan.retry.initial_interval_ms,
      backoffCoefficient: plan.retry.backoff_coefficient,
      maximumInterval: Math.max(plan.retry.max_interval_ms, plan.retry.initial_interval_ms),
      maximumAttempts: SERVER_MAX_ATTEMPTS,
    },
    ...(own?.priorityKey === priority && own.fairnessKey === task.tenant
      ? {} // an activity inherits its workflow's
      : { priority: { priorityKey: priority, fairnessKey: task.tenant } }),
    summary: `${task.job.service} on ${route.pool}`,
  });
  return processJob({ ...task, pool: route.pool, capability: route.capability, inherited: step.inherited });
}
