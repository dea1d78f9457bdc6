import type { Client } from '@temporalio/client';
import pLimit from 'p-limit';
import type { JobSummary } from '../../contract/job-view.ts';
import { buildSummary } from './build-view.ts';
import { describeJob, executionOf } from './describe-job.ts';
import type { QueueLookup } from './job-state.ts';
import { visibilityQuery, type JobFilters } from './list-query.ts';
import type { LiveJob } from './live-job.ts';
import { bounded } from './temporal-calls.ts';

export interface ListOptions {
  client: Client;
  queues: QueueLookup;
  /** Longest wait for one call to Temporal, milliseconds. */
  timeoutMs: number;
}

export interface JobPage {
  items: JobSummary[];
  /** Where the next page begins; absent on the last one. */
  next?: Uint8Array;
}

/** Looks at live jobs side by side: a page of 200 running jobs must not hold up others. */
const LIVE_LOOKS = 16;
/** Pages of the visibility store read for one page of ours when the live state decides what is in it. */
const MAX_PAGES = 5;

/**
 * One page of jobs: those that go on first, then by end, newest first (the store's order). Rows come from the
 * visibility store, which lags a moment behind; what is still going is looked at live.
 * @param limit most rows; a page may hold fewer and still have a next one
 */
export async function listJobs(
  options: ListOptions,
  filters: JobFilters,
  limit: number,
  token: Uint8Array | undefined,
): Promise<JobPage> {
  const { client, timeoutMs } = options;
  const query = visibilityQuery(filters);
  const items: JobSummary[] = [];
  let nextPageToken = token;
  for (let page = 0; page < MAX_PAGES; page++) {
    const found = await bounded(client, timeoutMs, () =>
      client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query,
        pageSize: limit - items.length,
        nextPageToken,
      }),
    );
    const rows = await summaries(options, found.executions.map(executionOf));
    // The live look may know more than the store: a job found as running may have ended since.
    items.push(...rows.filter((row) => !filters.status?.length || filters.status.includes(row.status)));
    nextPageToken = found.nextPageToken?.length ? found.nextPageToken : undefined;
    if (!nextPageToken || items.length >= limit) break;
  }
  return { items, next: nextPageToken };
}

async function summaries(options: ListOptions, rows: Omit<LiveJob, 'cancelRequested'>[]): Promise<JobSummary[]> {
  const { client, queues, timeoutMs } = options;
  const look = pLimit(LIVE_LOOKS);
  return Promise.all(
    rows.map(async (row) => {
      const live = row.workflow === 'running' ? await look(() => describeJob(client, row.jobId, timeoutMs)) : undefined;
      return buildSummary(live ?? { ...row, cancelRequested: false }, queues);
    }),
  );
}
