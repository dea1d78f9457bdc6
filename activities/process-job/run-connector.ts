import type { JobOutcome, JobTask } from '../../contract/plan.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { ConnectorInterface, JobData, JobResult, ProgressUpdate } from '../../connectors/contract/connector.ts';
import type { JobContext } from '../../connectors/contract/job-context.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { withinRunTimeout } from './attempt-signal.ts';
import type { ProcessJobDeps } from './deps.ts';
import { createJobContext } from './job-context.ts';
import type { ProgressChange, ProgressReporter } from './progress-reporter.ts';
import type { WorkDir } from './work-dir.ts';

/** A result must fit the history beside everything else. */
const MAX_RESULT_BYTES = 262_144;

export interface Attempt {
  task: JobTask;
  deps: ProcessJobDeps;
  reporter: ProgressReporter;
  signal: AbortSignal;
  /** Aborted at the run time-out. */
  expired: AbortSignal;
  attempt: number;
  /** Temporal's id of the activity, as a number. */
  activity: number;
  logger: Logger;
  workDir: WorkDir;
}

/** One run of the connector, from job to outcome. */
export async function runConnector(parts: Attempt): Promise<JobOutcome> {
  const { task, deps, reporter, signal } = parts;
  if (signal.aborted) throw signal.reason;
  const started = performance.now();
  const startedAt = Date.now();
  const connector = await deps.connector(task.connector, task);
  const live = deps.live?.open(task.job_id, { activity: parts.activity, attempt: parts.attempt });
  const context = createJobContext({ ...parts, live });
  const result = await withPlugins(parts, connector, context, async (data) => {
    if (!(await connector.canProcessJob(data))) {
      throw new ConnectorError(
        'validation',
        `${task.connector} does not take this job: its payload lacks what the connector needs`,
      );
    }
    return withinRunTimeout(
      connector.processJob(data, (update) => reporter.report(changeOf(update)), context),
      parts,
    );
  }).finally(() => live?.end());
  checkResult(result);
  const artifacts = result.artifacts ?? [];
  if (artifacts.length > 0)
    await deps.artifacts.setExpiry(task.job_id, new Date(Date.now() + task.artifact_retention_ms));
  return {
    result: result.result ?? null,
    artifacts,
    connector: task.connector,
    pool: task.pool,
    worker: deps.worker,
    service_job_id: result.service_info?.service_job_id ?? reporter.document.service_job_id,
    attempts: parts.attempt,
    started_at: startedAt,
    processing_time_ms: Math.round(performance.now() - started),
  };
}

/** Does the work between the plugins' hooks; without plugins that is all. */
async function withPlugins(
  { task, deps, signal }: Attempt,
  connector: ConnectorInterface,
  context: JobContext,
  work: (data: JobData) => Promise<JobResult>,
): Promise<JobResult> {
  const job = jobData(task);
  if (!deps.plugins) return work(job);
  const { attempt, logger, openInput, writeOutput } = context;
  const named = { connector: task.connector, pool: task.pool };
  const run = deps.plugins.begin(job, connector, { ...named, attempt, logger, openInput, writeOutput }, signal);
  let result: JobResult;
  try {
    result = await work(await run.before());
    // An attempt that is to stop has not completed, whatever its connector says.
    if (signal.aborted) throw signal.reason;
    checkResult(result);
  } catch (error) {
    await run.ended(error);
    throw error;
  }
  return run.completed(result);
}

function jobData(task: JobTask): JobData {
  return {
    id: task.job_id,
    type: task.job.service,
    payload: task.job.payload,
    priority: task.job.priority,
    requirements: task.job.requirements,
    created_at: task.created_at,
    metadata: task.job.metadata,
    tenant: task.tenant,
  };
}

/** The guides' progress in the words of the progress document. */
function changeOf(update: ProgressUpdate): ProgressChange {
  const { current_step: step } = update;
  return {
    progress: update.progress,
    message: update.message?.slice(0, 1_000),
    step: typeof step === 'string' ? step.slice(0, 200) : undefined,
    step_index: typeof step === 'number' ? step : undefined,
    total_steps: update.total_steps,
    eta_ms: update.estimated_completion_ms,
  };
}

function checkResult(result: JobResult): void {
  if (result.status === 'failed')
    throw new ConnectorError('backend_error', result.error ?? 'The connector reports a failure without a reason');
  const bytes = Buffer.byteLength(JSON.stringify(result.result) ?? '');
  if (bytes <= MAX_RESULT_BYTES) return;
  throw new ConnectorError(
    'output_too_large',
    `The result is ${bytes} bytes of JSON, the limit is ${MAX_RESULT_BYTES}; write it as an artifact`,
  );
}
