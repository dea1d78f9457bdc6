import type { Client } from '@temporalio/client';
import { decodeSearchAttributes } from '@temporalio/common/lib/converter/payload-search-attributes.js';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import { jobIdOfWorkflow, workflowIdCandidates } from '../../contract/ids.ts';
import { readProgress } from '../../contract/progress.ts';
import { decodeFailure, decodePayloads } from './decode.ts';
import type { JobAttributes, LiveActivity, LiveJob, WorkflowStatus } from './live-job.ts';
import { bounded, isNotFound } from './temporal-calls.ts';

type Described = temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse;
type Execution = temporal.api.workflow.v1.WorkflowExecutionInfo.$Properties;
type Pending = temporal.api.workflow.v1.PendingActivityInfo.$Properties;

const { WorkflowExecutionStatus, PendingActivityState } = proto.temporal.api.enums.v1;

/** Name of the workflow type of a job, and of its one connector activity. */
export const JOB_WORKFLOW = 'job';
export const JOB_ACTIVITY = 'processJob';

/**
 * One look at the mutable state: no workflow task, no visibility lag. One call for ids of ours.
 * @param ms longest wait for Temporal, milliseconds
 * @returns undefined when there is no job of that id, also when the id is that of another kind of workflow
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function describeJob(client: Client, jobId: string, ms: number): Promise<LiveJob | undefined> {
  for (const workflowId of workflowIdCandidates(jobId)) {
    const described = await describe(client, workflowId, ms);
    if (described?.workflowExecutionInfo?.type?.name === JOB_WORKFLOW) return liveJobOf(client, described);
  }
  return undefined;
}

async function describe(client: Client, workflowId: string, ms: number): Promise<Described | undefined> {
  const { namespace } = client.options;
  try {
    return await bounded(client, ms, () =>
      client.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
    );
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function liveJobOf(client: Client, described: Described): Promise<LiveJob> {
  const info = described.workflowExecutionInfo!;
  const pending = described.pendingActivities.find((activity) => activity.activityType?.name === JOB_ACTIVITY);
  const memo = info.memo?.fields ?? {};
  const converter = client.options.loadedDataConverter;
  const [requestHash, retryOf] = await decodePayloads(
    converter,
    [memo['request_hash'], memo['retry_of']].map((payload) => payload ?? NULL_PAYLOAD),
  );
  return {
    ...executionOf(info),
    cancelRequested: described.workflowExtendedInfo?.cancelRequested ?? false,
    requestHash: typeof requestHash === 'string' ? requestHash : undefined,
    retryOf: typeof retryOf === 'string' ? retryOf : undefined,
    activity: pending ? await activityOf(client, pending) : undefined,
  };
}

/** Payload of `undefined`: keeps the place of a memo field that is not there. */
const NULL_PAYLOAD = { metadata: { encoding: new TextEncoder().encode('binary/null') } };

/** The part that lists know as well. */
export function executionOf(info: Execution): Omit<LiveJob, 'cancelRequested'> {
  const workflowId = info.execution?.workflowId ?? '';
  return {
    jobId: jobIdOfWorkflow(workflowId),
    workflowId,
    runId: info.execution?.runId ?? '',
    workflow: statusOf(info.status),
    createdAt: optionalTsToMs(info.startTime) ?? 0,
    closedAt: optionalTsToMs(info.closeTime),
    historyLength: Number(info.historyLength ?? 0),
    attributes: attributesOf(info),
  };
}

function statusOf(status: Execution['status']): WorkflowStatus {
  switch (status) {
    case WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED:
      return 'completed';
    case WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED:
      return 'failed';
    case WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED:
      return 'cancelled';
    case WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED:
      return 'terminated';
    case WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
      return 'timed_out';
    default:
      return 'running';
  }
}

function attributesOf(info: Execution): JobAttributes {
  const found = decodeSearchAttributes(info.searchAttributes?.indexedFields) as Record<string, unknown[] | undefined>;
  const text = (name: string) => {
    const value = found[name]?.[0];
    return typeof value === 'string' ? value : undefined;
  };
  const priority = found['SwitchyardPriority']?.[0];
  return {
    service: text('SwitchyardService'),
    pool: text('SwitchyardPool'),
    error: text('SwitchyardError'),
    tags: (found['SwitchyardTags'] ?? []).filter((tag) => typeof tag === 'string'),
    priority: typeof priority === 'number' ? priority : undefined,
  };
}

async function activityOf(client: Client, pending: Pending): Promise<LiveActivity> {
  const converter = client.options.loadedDataConverter;
  const [details] = await decodePayloads(converter, pending.heartbeatDetails?.payloads);
  const options = pending.activityOptions;
  return {
    number: Number.parseInt(pending.activityId ?? '', 10) || 1,
    activityId: pending.activityId ?? '',
    state: stateOf(pending),
    attempt: pending.attempt ?? 1,
    taskQueue: options?.taskQueue?.name ?? '',
    priority: pending.priority?.priorityKey || options?.priority?.priorityKey || undefined,
    scheduledAt: optionalTsToMs(pending.scheduledTime),
    startedAt: optionalTsToMs(pending.lastStartedTime),
    nextAttemptAt: optionalTsToMs(pending.nextAttemptScheduleTime),
    lastEndedAt: optionalTsToMs(pending.lastAttemptCompleteTime),
    scheduleToCloseMs: optionalTsToMs(options?.scheduleToCloseTimeout) || undefined,
    worker: pending.lastWorkerIdentity || undefined,
    progress: readProgress(details),
    lastError: (await decodeFailure(converter, pending.lastFailure))?.error,
  };
}

function stateOf(pending: Pending): LiveActivity['state'] {
  switch (pending.state) {
    case PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
    // A running attempt goes on until it notices the pause.
    case PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED:
      return 'started';
    case PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
      return 'cancel_requested';
    case PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED:
      return 'paused';
    default:
      return 'scheduled';
  }
}
