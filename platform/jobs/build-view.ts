import type { JobError } from '../../contract/errors.ts';
import { jobErrorOf } from '../../contract/job-error-details.ts';
import type { JobSummary, JobView, ProgressView } from '../../contract/job-view.ts';
import { jobIdOfWorkflow } from '../../contract/ids.ts';
import type { ProgressDocument } from '../../contract/progress.ts';
import { parseTaskQueue } from '../../contract/task-queues.ts';
import type { ActivityTrack, JobHistory } from './job-history.ts';
import { readDocument, type JobStart } from './job-start.ts';
import { stateOf, type JobState, type QueueLookup } from './job-state.ts';
import type { LiveJob } from './live-job.ts';

/** Where clients and people find a job. */
export interface Addresses {
  /** Prefix of the links, e.g. `https://ai.example.org/api`. */
  apiUrl: string;
  /** Of the Temporal Web UI, when it is known. */
  temporalUiUrl?: string;
  namespace: string;
}

const DEFAULT_PRIORITY = 3;

export function progressView(document: ProgressDocument | undefined): ProgressView | undefined {
  if (!document) return undefined;
  return {
    seq: document.seq,
    percent: document.progress,
    message: document.message,
    step: document.step,
    step_index: document.step_index,
    total_steps: document.total_steps,
    eta_ms: document.eta_ms,
    updated_at: iso(document.at),
  };
}

/** A row of a list: what visibility and one look at the live state tell. */
export function buildSummary(live: LiveJob, queues: QueueLookup): JobSummary {
  const { status, status_reason, status_message } = stateOf(live, queues);
  const { attributes, activity } = live;
  const route = activity && parseTaskQueue(activity.taskQueue);
  return {
    id: live.jobId,
    status,
    status_reason,
    status_message,
    service: attributes.service ?? route?.capability ?? '',
    pool: route?.pool ?? attributes.pool ?? '',
    priority: activity?.priority ?? attributes.priority ?? DEFAULT_PRIORITY,
    tags: attributes.tags,
    created_at: iso(live.createdAt),
    ended_at: live.closedAt === undefined ? undefined : iso(live.closedAt),
    progress: progressView(activity?.progress),
    error_code: attributes.error?.replace(/^timed_out:/, ''),
  };
}

/** The whole view of a job from its mutable state and its history. */
export function buildView(live: LiveJob, history: JobHistory, queues: QueueLookup, addresses: Addresses): JobView {
  const { start, tracks, end, amended } = history;
  const document = readDocument(start.document);
  const track = tracks.at(-1);
  const plan = start.prepared?.plan;
  const queue = live.activity?.taskQueue ?? track?.taskQueue ?? plan?.routes[0]?.task_queue;
  const state = end ? endState(end.status, end.error) : liveState(live, history, queues);
  const { activity } = live;
  const outcome = end?.outcome;
  const progress = end ? undefined : activity?.progress;
  const startedAt =
    outcome?.started_at ?? (activity?.state === 'scheduled' ? undefined : (activity?.startedAt ?? track?.startedAt));
  return {
    ...identity(live.workflowId, live.runId, addresses),
    status: state.status,
    status_reason: state.status_reason,
    status_message: state.status_message,
    service: text(document.service) ?? live.attributes.service ?? track?.service ?? '',
    pool: outcome?.pool ?? (queue ? (parseTaskQueue(queue)?.pool ?? '') : (live.attributes.pool ?? '')),
    priority: activity?.priority ?? amended.priority ?? number(document.priority) ?? start.priority ?? DEFAULT_PRIORITY,
    tags: live.attributes.service === undefined ? tagsOf(document.tags) : live.attributes.tags,
    created_at: iso(start.createdAt),
    started_at: startedAt === undefined ? undefined : iso(startedAt),
    ended_at: end ? iso(end.at) : undefined,
    deadline: deadlineOf(live, track, amended.deadline === undefined ? text(document.deadline) : amended.deadline),
    progress: progressView(progress),
    payload: document.payload ?? {},
    requirements: record(document.requirements),
    metadata: record(document.metadata) as JobView['metadata'],
    attempt: activity?.attempt ?? track?.attempts ?? 0,
    max_attempts: plan?.retry.max_attempts ?? track?.maxAttempts ?? number(document.retry?.max_attempts) ?? 0,
    task_queue: queue,
    worker: outcome?.worker ?? activity?.worker ?? track?.worker,
    instance: progress?.instance,
    service_job_id: outcome?.service_job_id ?? progress?.service_job_id,
    retry_of: start.prepared?.retry_of ?? live.retryOf,
    error: state.error,
    error_code: end ? (end.status === 'completed' ? undefined : end.error?.code) : undefined,
    result: outcome?.result,
    artifacts: outcome?.artifacts ?? [],
  };
}

/** The view of a job this process has just started: no call to Temporal is needed for it. */
export function buildAccepted(workflowId: string, start: JobStart, queues: QueueLookup, addresses: Addresses): JobView {
  const jobId = jobIdOfWorkflow(workflowId);
  const { runId } = start;
  const live: LiveJob = {
    ...{ jobId, workflowId, runId, workflow: 'running', createdAt: start.createdAt, historyLength: 1 },
    cancelRequested: false,
    attributes: { tags: [] },
  };
  return buildView(live, { runId, start, tracks: [], amended: {}, events: 1, bytes: 0 }, queues, addresses);
}

function identity(workflowId: string, runId: string, { apiUrl, temporalUiUrl, namespace }: Addresses) {
  const id = jobIdOfWorkflow(workflowId);
  const self = `${apiUrl}/jobs/${encodeURIComponent(id)}`;
  const path = [namespace, 'workflows', workflowId, runId, 'history'].map(encodeURIComponent).join('/');
  return {
    id,
    temporal: {
      workflow_id: workflowId,
      run_id: runId,
      ...(temporalUiUrl ? { url: `${temporalUiUrl.replace(/\/+$/, '')}/namespaces/${path}` } : {}),
    },
    links: { self, events: `${self}/events`, cancel: `${self}/cancel`, artifacts: `${self}/artifacts` },
  };
}

function endState(status: JobState['status'], error: JobError | undefined): JobState {
  const known = status === 'completed' ? undefined : (error ?? jobErrorOf('internal', 'The job failed'));
  return { status, attempt: 0, error: known };
}

function liveState(live: LiveJob, { start, tracks }: JobHistory, queues: QueueLookup): JobState {
  const plan = start.prepared?.plan;
  return stateOf(live, queues, {
    unmatched: plan?.unmatched,
    needs: plan?.needs,
    firstQueue: plan?.routes[0]?.task_queue,
    // After a wait in vain the job is on its way to another queue, so it is queued still.
    afterActivity: tracks.some((track) => track.outcome !== undefined && track.attempts > 0),
  });
}

/** What the activity under way has holds: the history at hand may be older than a change. */
function deadlineOf(
  live: LiveJob,
  track: ActivityTrack | undefined,
  told: string | null | undefined,
): string | undefined {
  const written = told ?? undefined;
  if (!live.activity || track?.scheduledAt === undefined) return written;
  const closeMs = live.activity.scheduleToCloseMs;
  if (closeMs === undefined) return undefined;
  const at = track.scheduledAt + closeMs;
  return written !== undefined && Math.abs(Date.parse(written) - at) < 2_000 ? written : iso(at);
}

function iso(ms: number): string {
  return new Date(Number.isFinite(ms) ? ms : 0).toISOString();
}

/** What was written, until the search attributes (which may have been changed since) are there. */
function tagsOf(written: unknown): string[] {
  return Array.isArray(written) ? written.filter((tag) => typeof tag === 'string') : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
