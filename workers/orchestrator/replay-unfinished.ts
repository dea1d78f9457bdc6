import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Client, HistoryAndWorkflowId } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { jobIdOfWorkflow } from '../../contract/ids.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { readJsonFile, writeJsonFile } from '../../platform/processes/json-file.ts';
import { bounded } from '../../platform/jobs/temporal-calls.ts';
import {
  type BrokenJob,
  type ReplayRecord,
  replayRecordFile,
} from '../../platform/temporal/deployments/replay-record.ts';

export interface ReplayOptions {
  client: Client;
  /** The workflow bundle that is about to take over. */
  bundlePath: string;
  /** The last outcome is kept here, so that the same bundle is not checked at every start. */
  dataDir: string;
  logger: Logger;
  /** Most workflows that are looked at, those that began last. Default 1,000: some seconds. */
  maxJobs?: number;
  /** After so long no further one is looked at. Milliseconds. Default: a minute. */
  budgetMs?: number;
}

/** temporal.api.enums.v1.VersioningBehavior */
const PINNED = 1;
const ANSWER_MS = 10_000;
/** Of the jobs that orchestrators have. */
export const UNFINISHED = `ExecutionStatus = 'Running' AND TaskQueue = '${JOBS_TASK_QUEUE}'`;

/**
 * Proves, after a change of the workflow code, that the unfinished jobs can go on under it: their histories are replayed.
 * Nothing is changed by it: a job that would break is named and stays as it is, waiting. Jobs pinned to a build are left
 * out; they never come here.
 *
 * For a process of its own: what replays histories leaves hooks on every promise of its process, for good.
 */
export async function replayUnfinished(options: ReplayOptions): Promise<ReplayRecord> {
  const { client, bundlePath, logger, maxJobs = 1_000, budgetMs = 60_000 } = options;
  const broken: BrokenJob[] = [];
  let checked = 0;
  const histories = unfinishedHistories(client, maxJobs, performance.now() + budgetMs, logger);
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle: { codePath: bundlePath } },
    histories,
  )) {
    checked++;
    if (!error) continue;
    const reason = error.message.split('\n')[0] ?? error.name;
    broken.push({ workflow_id: workflowId, job_id: jobIdOfWorkflow(workflowId), reason });
    logger.error({ job_id: jobIdOfWorkflow(workflowId), reason }, adviceFor(workflowId));
  }
  const record = await keepRecord(options, checked, broken);
  if (checked > 0 && broken.length === 0) logger.info({ jobs: checked }, 'unfinished jobs replayed: all go on');
  return record;
}

/** Whether this bundle has been checked before, with nothing to complain about. */
export async function isReplayed({
  bundlePath,
  dataDir,
}: Pick<ReplayOptions, 'bundlePath' | 'dataDir'>): Promise<boolean> {
  const before = readJsonFile<ReplayRecord>(replayRecordFile(dataDir));
  return before?.broken.length === 0 && before.bundle === (await hashOf(bundlePath));
}

/** Keeps what came of it. */
export async function keepRecord(
  { bundlePath, dataDir }: Pick<ReplayOptions, 'bundlePath' | 'dataDir'>,
  checked: number,
  broken: BrokenJob[],
): Promise<ReplayRecord> {
  const file = replayRecordFile(dataDir);
  const bundle = await hashOf(bundlePath);
  const record: ReplayRecord = { bundle, checked_at: new Date().toISOString(), checked, broken };
  await mkdir(dirname(file), { recursive: true });
  writeJsonFile(file, record);
  return record;
}

async function hashOf(bundlePath: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(bundlePath))
    .digest('hex');
}

async function* unfinishedHistories(
  client: Client,
  most: number,
  deadline: number,
  logger: Logger,
): AsyncGenerator<HistoryAndWorkflowId> {
  let looked = 0;
  for await (const { workflowId, runId, raw } of client.workflow.list({ query: UNFINISHED })) {
    if (raw.versioningInfo?.behavior === PINNED) continue;
    if (looked++ >= most || performance.now() > deadline) {
      logger.warn({ jobs: looked - 1 }, 'there are more unfinished jobs than were replayed');
      return;
    }
    try {
      const handle = client.workflow.getHandle(workflowId, runId);
      yield { workflowId, history: await bounded(client, ANSWER_MS, () => handle.fetchHistory()) };
    } catch (error) {
      logger.debug({ err: error, workflow_id: workflowId }, 'history not available');
    }
  }
}

function adviceFor(workflowId: string): string {
  return `job ${jobIdOfWorkflow(workflowId)} cannot go on under this build of the workflows and waits: run the build it began with until it has ended, or begin it anew: temporal workflow reset --workflow-id ${workflowId} --type FirstWorkflowTask --reason upgrade`;
}
