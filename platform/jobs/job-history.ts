import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import type { JobError } from '../../contract/errors.ts';
import { AMEND_SIGNAL, type JobAmendment } from '../../contract/job-amendment.ts';
import type { JobTask } from '../../contract/plan.ts';
import { decodeFailure, decodePayloads } from './decode.ts';
import { JOB_ACTIVITY } from './describe-job.ts';
import { endOfHistory, type JobEnd } from './job-end.ts';
import { startOfHistory, type JobStart } from './job-start.ts';
import { bounded, isNotFound } from './temporal-calls.ts';

type HistoryEvent = temporal.api.history.v1.HistoryEvent.$Properties;
const { EventType } = proto.temporal.api.enums.v1;

/** What the history tells of one `processJob`. The server writes its start only when it has ended. */
export interface ActivityTrack {
  /** Temporal's activity id as a number. */
  number: number;
  taskQueue: string;
  /** Epoch milliseconds. */
  scheduledAt?: number;
  /** The last attempt's; absent while it goes on and when none was started. */
  startedAt?: number;
  endedAt?: number;
  /** 0 when no attempt was started, as far as the history tells. */
  attempts: number;
  worker?: string;
  cancelAsked: boolean;
  /** Why the attempt before the last one failed. */
  previousError?: JobError;
  outcome?: 'completed' | 'failed' | 'timed_out' | 'cancelled';
  /** Why the last attempt failed. */
  error?: JobError;
  /** From the task it was given. */
  service?: string;
  maxAttempts?: number;
  runTimeoutMs?: number;
}

export interface JobHistory {
  runId: string;
  start: JobStart;
  tracks: ActivityTrack[];
  /** What was changed since the start, the latest of each. */
  amended: JobAmendment;
  end?: JobEnd;
  /** Number of events read. */
  events: number;
  /** Of the payloads in it, about; for caches. */
  bytes: number;
}

/** Histories of jobs have about 11 events; spilling to and fro for days makes some hundred. */
const PAGE_SIZE = 1_000;

/**
 * Reads a job's history. One call but for very long ones.
 * @returns undefined when Temporal has forgotten the run
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function readHistory(
  client: Client,
  workflowId: string,
  runId: string | undefined,
  ms: number,
): Promise<JobHistory | undefined> {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    let page;
    try {
      page = await bounded(client, ms, () =>
        client.workflowService.getWorkflowExecutionHistory({
          namespace: client.options.namespace,
          execution: { workflowId, runId },
          maximumPageSize: PAGE_SIZE,
          nextPageToken,
        }),
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
  const start = await startOfHistory(client, events[0]);
  if (!start) return undefined;
  return {
    runId: runId ?? start.runId,
    start,
    tracks: await tracksOf(client, events),
    amended: await amendmentsOf(client, events),
    end: await endOfHistory(client, events),
    events: events.length,
    bytes: payloadBytes(events),
  };
}

async function amendmentsOf(client: Client, events: HistoryEvent[]): Promise<JobAmendment> {
  let amended: JobAmendment = {};
  for (const event of events) {
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName !== AMEND_SIGNAL) continue;
    const [change] = await decodePayloads(client.options.loadedDataConverter, signal.input?.payloads);
    amended = { ...amended, ...(change as JobAmendment | undefined) };
  }
  return amended;
}

function payloadBytes(events: HistoryEvent[]): number {
  return events
    .flatMap((event) => [
      ...(event.workflowExecutionStartedEventAttributes?.input?.payloads ?? []),
      ...(event.workflowExecutionCompletedEventAttributes?.result?.payloads ?? []),
    ])
    .reduce((sum, payload) => sum + (payload.data?.length ?? 0), 1_024);
}

async function tracksOf(client: Client, events: HistoryEvent[]): Promise<ActivityTrack[]> {
  const converter = client.options.loadedDataConverter;
  const byEvent = new Map<string, ActivityTrack>();
  const trackOf = (id: unknown) => byEvent.get(String(id));
  for (const event of events) {
    switch (event.eventType) {
      case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: {
        const scheduled = event.activityTaskScheduledEventAttributes!;
        if (scheduled.activityType?.name !== JOB_ACTIVITY) break;
        const [task] = (await decodePayloads(converter, scheduled.input?.payloads)) as [JobTask?];
        byEvent.set(String(event.eventId), {
          number: Number.parseInt(scheduled.activityId ?? '', 10) || 1,
          taskQueue: scheduled.taskQueue?.name ?? '',
          scheduledAt: optionalTsToMs(event.eventTime),
          attempts: 0,
          cancelAsked: false,
          service: task?.job.service,
          maxAttempts: task?.retry.max_attempts,
          runTimeoutMs: task?.run_timeout_ms,
        });
        break;
      }
      case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: {
        const started = event.activityTaskStartedEventAttributes!;
        const track = trackOf(started.scheduledEventId);
        if (!track) break;
        track.attempts = started.attempt ?? 1;
        track.startedAt = optionalTsToMs(event.eventTime);
        track.worker = started.identity || undefined;
        track.previousError = (await decodeFailure(converter, started.lastFailure))?.error;
        break;
      }
      case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: {
        const track = trackOf(event.activityTaskCancelRequestedEventAttributes?.scheduledEventId);
        if (track) track.cancelAsked = true;
        break;
      }
      default:
        await close(client, event, trackOf);
    }
  }
  return [...byEvent.values()];
}

async function close(
  client: Client,
  event: HistoryEvent,
  trackOf: (id: unknown) => ActivityTrack | undefined,
): Promise<void> {
  const completed = event.activityTaskCompletedEventAttributes;
  const failed = event.activityTaskFailedEventAttributes;
  const timedOut = event.activityTaskTimedOutEventAttributes;
  const cancelled = event.activityTaskCanceledEventAttributes;
  const track = trackOf((completed ?? failed ?? timedOut ?? cancelled)?.scheduledEventId);
  if (!track) return;
  track.endedAt = optionalTsToMs(event.eventTime);
  track.outcome = completed ? 'completed' : failed ? 'failed' : timedOut ? 'timed_out' : 'cancelled';
  const failure = failed?.failure ?? timedOut?.failure;
  track.error = (await decodeFailure(client.options.loadedDataConverter, failure))?.error;
}
