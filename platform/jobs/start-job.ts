import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { formatDuration } from '../../contract/duration.ts';
import { jobWorkflowId } from '../../contract/ids.ts';
import type { Job } from '../../contract/job.schema.ts';
import type { PreparedJob } from '../../contract/plan.ts';
import { DEFAULT_TENANT } from '../../contract/search-attributes.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import type { PlannedJob } from '../routing/plan-job.ts';
import { JOB_WORKFLOW } from './describe-job.ts';
import { bounded } from './temporal-calls.ts';

export interface StartOptions {
  client: Client;
  jobId: string;
  retryOf?: string;
  /** Kept in the memo, so that a repeated request can be told from another one under the same key. */
  requestHash?: string;
  eagerStart: boolean;
  /** Longest wait for Temporal, milliseconds. */
  timeoutMs: number;
}

/**
 * Starts the workflow of a job: one round trip, made again with the same id by the connection until the time is up.
 * @returns the run id; undefined when a workflow of that id exists (or existed) already
 * @throws TemporalUnavailableError when the outcome is not known; the job may be there under its id
 */
export async function startJob({ job, plan }: PlannedJob, options: StartOptions): Promise<string | undefined> {
  const { client, jobId, retryOf, requestHash } = options;
  const prepared: PreparedJob = { plan, ...(retryOf === undefined ? {} : { retry_of: retryOf }) };
  const memo = {
    ...(requestHash === undefined ? {} : { request_hash: requestHash }),
    ...(retryOf === undefined ? {} : { retry_of: retryOf }),
  };
  try {
    const handle = await bounded(client, options.timeoutMs, () =>
      client.workflow.start(JOB_WORKFLOW, {
        taskQueue: JOBS_TASK_QUEUE,
        workflowId: jobWorkflowId(jobId),
        // Also for ids of our own making: a start that is made again after a lost answer must not run the job twice.
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        args: [job, prepared],
        typedSearchAttributes: searchAttributes(job, plan.routes[0]!.pool),
        ...(Object.keys(memo).length > 0 ? { memo } : {}),
        staticSummary: `${job.service} · ${plan.routes[0]!.pool}`,
        staticDetails: details(job, plan),
        priority: { priorityKey: job.priority, fairnessKey: DEFAULT_TENANT },
        requestEagerStart: options.eagerStart,
      }),
    );
    return handle.firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

function searchAttributes(job: Job, pool: string): SearchAttributePair[] {
  const pairs: SearchAttributePair[] = [
    { key: defineSearchAttributeKey('SwitchyardService', 'KEYWORD'), value: job.service },
    { key: defineSearchAttributeKey('SwitchyardPool', 'KEYWORD'), value: pool },
    { key: defineSearchAttributeKey('SwitchyardTenant', 'KEYWORD'), value: DEFAULT_TENANT },
    { key: defineSearchAttributeKey('SwitchyardPriority', 'INT'), value: job.priority },
  ];
  if (job.tags.length > 0) {
    pairs.push({ key: defineSearchAttributeKey('SwitchyardTags', 'KEYWORD_LIST'), value: job.tags });
  }
  return pairs;
}

/** Markdown for the Temporal Web UI; rides in the start event. */
function details(job: Job, plan: PlannedJob['plan']): string {
  const rows: [string, string | undefined][] = [
    ['Service', `${job.service} (${plan.connector})`],
    ['Queues', plan.routes.map((route) => `\`${route.task_queue}\``).join(', then ')],
    ['Priority', String(job.priority)],
    ['Attempts', `at most ${plan.retry.max_attempts}, each at most ${formatDuration(plan.run_timeout_ms)}`],
    ['Deadline', job.deadline],
    ['Tags', job.tags.length > 0 ? job.tags.map((tag) => `\`${tag}\``).join(' ') : undefined],
    ['Waits because', plan.unmatched],
  ];
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `**${name}:** ${value}`)
    .join('  \n')
    .slice(0, 4_000);
}
