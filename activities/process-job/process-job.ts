import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import {
  ActivityCancelledError,
  ActivityCompletionError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { JobOutcome, JobTask } from '../../contract/plan.ts';
import { ANY_POOL, parseTaskQueue } from '../../contract/task-queues.ts';
import { readProgress, type ProgressDocument } from '../../contract/progress.ts';
import { jobLogger } from '../../platform/logging/job-logger.ts';
import type { ConnectorActivities } from '../activities.ts';
import { observeAttempt } from './attempt-observer.ts';
import { AttemptSignal, RunTimeoutError } from './attempt-signal.ts';
import { classifyError } from './classify-error.ts';
import type { ProcessJobDeps } from './deps.ts';
import { JobLock } from './job-lock.ts';
import { ProgressReporter } from './progress-reporter.ts';
import { decideRetry, toFailure } from './retry-decision.ts';
import { runConnector } from './run-connector.ts';
import { workDirOf } from './work-dir.ts';

/** Between two beats of a silent connector; a cancel arrives with the answer to a beat. Milliseconds. */
const BEAT_INTERVAL = 900;
/** Between tries to reach Temporal; doubles up to the second. Milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

/**
 * The activity that does a job: finds the connector, hands it a context whose signal, progress and checkpoints are
 * bound to Temporal, and turns what it throws into the table of codes.
 */
export function createProcessJob(deps: ProcessJobDeps): ConnectorActivities['processJob'] {
  const lock = new JobLock();

  return async function processJob(given: JobTask): Promise<JobOutcome> {
    const context = Context.current();
    const { info } = context;
    // A job may have been moved to another pool while it waited: the queue tells where it is.
    const at = parseTaskQueue(info.taskQueue);
    const task: JobTask = at && at.pool !== ANY_POOL ? { ...given, pool: at.pool, capability: at.capability } : given;
    const inHeartbeat = readProgress(info.heartbeatDetails);
    const previous = inHeartbeat ?? task.inherited;
    const ended = inHeartbeat?.ended ?? 0;
    const end = observeAttempt(deps.observer, task, info, previous);
    const poison = poisonOf(task, previous, info.attempt - 1 - ended);
    if (poison) {
      end('worker_lost', true);
      throw poison;
    }

    const { service, payload } = task.job;
    const bindings = { job_id: task.job_id, service, pool: task.pool, attempt: info.attempt };
    const logger = jobLogger(deps.logger, bindings, payload);
    const stop = deps.handOver
      ? AbortSignal.any([context.cancellationSignal, deps.handOver])
      : context.cancellationSignal;
    const attempt = new AttemptSignal(stop, task.run_timeout_ms);
    const reporter = new ProgressReporter({
      heartbeat: (doc) => context.heartbeat(doc),
      durableHeartbeat: (newest) => durableHeartbeat(context, attempt, newest),
      previous,
      attempt: info.attempt,
      ended,
      worker: deps.worker,
      intervalMs: BEAT_INTERVAL,
    });
    const owner = { jobId: task.job_id, workflowId: info.workflowExecution?.workflowId ?? task.job_id };
    const workDir = workDirOf(deps.workRoot, owner, info.attempt > 1 || task.inherited !== undefined);
    try {
      const outcome = await lock.run(task.job_id, attempt.signal, () =>
        runConnector({
          task,
          deps,
          reporter,
          signal: attempt.signal,
          expired: attempt.expired,
          attempt: info.attempt,
          activity: Number.parseInt(info.activityId, 10) || 1,
          logger,
          workDir,
        }),
      );
      // Finished in spite of an abort: a cancelled attempt must not count as a success.
      if (attempt.signal.aborted) throw attempt.signal.reason;
      reporter.stop();
      await workDir.remove();
      logger.debug({ duration_ms: outcome.processing_time_ms, artifacts: outcome.artifacts.length }, 'attempt ended');
      end('completed', true, reporter.document);
      return outcome;
    } catch (error) {
      if (stop.aborted) {
        const cancelled = context.cancellationDetails?.cancelRequested ?? false;
        reporter.finish({});
        // Otherwise the job goes on, perhaps on this machine: its finished parts are still wanted.
        if (cancelled) await workDir.remove();
        logger.info(cancelled ? 'job stopped' : 'attempt interrupted, the job goes on in another');
        end(cancelled ? 'cancelled' : 'handed_over', cancelled, reporter.document);
        throw context.cancellationSignal.aborted ? context.cancellationSignal.reason : handedOver();
      }
      const failure = failureOf(error, attempt.signal, task, reporter);
      if (failure.nonRetryable) await workDir.remove();
      logger.warn({ code: failure.type, final: failure.nonRetryable, err: error }, 'attempt failed');
      end(failure.type ?? 'internal', failure.nonRetryable ?? false, reporter.document);
      throw failure;
    } finally {
      reporter.stop();
      attempt.dispose();
    }
  };
}

/** As the SDK says it when a worker's grace time is over; the server gives the job to another at once. */
function handedOver(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'WorkerShutdown',
    message: 'The worker leaves; the job goes on in another',
    nextRetryDelay: 1,
  });
}

/** A payload that kills its worker again and again must not take down one worker after another. */
function poisonOf(
  task: JobTask,
  previous: ProgressDocument | undefined,
  crashes: number,
): ApplicationFailure | undefined {
  if (crashes < task.retry.max_crashes) return undefined;
  return ApplicationFailure.create({
    type: 'worker_lost',
    message: `${crashes} workers died or fell silent while running this job${previous ? ` (last progress ${previous.progress} %${previous.message ? `, "${previous.message}"` : ''})` : ''}; it is not tried again`,
    nonRetryable: true,
  });
}

function failureOf(error: unknown, signal: AbortSignal, task: JobTask, reporter: ProgressReporter): ApplicationFailure {
  if (signal.reason instanceof RunTimeoutError) {
    reporter.finish({ failures: reporter.document.failures + 1, last_code: 'timeout' });
    return ApplicationFailure.create({
      type: 'timeout',
      message: signal.reason.message,
      nonRetryable: true,
      details: [{ timed_out: true }],
    });
  }
  const classified = classifyError(error);
  const decision = decideRetry(classified, reporter.document.failures, task.retry, Math.random());
  // The thrown failure carries the newest details: this is how the count reaches the next attempt.
  reporter.finish({ failures: decision.failures, last_code: classified.code });
  return toFailure(classified, decision, task.retry, error);
}

/**
 * Writes the document past the SDK's throttle and waits for the server's answer, however long Temporal is away: an outage
 * is no failure of the job. When it lasts, the attempt is ended by its own time-outs.
 * @param newest asked before each try, so that no older document overwrites a newer one
 * @throws the attempt's abort reason when it is to stop, or the server no longer knows it
 */
async function durableHeartbeat(
  context: Context,
  attempt: AttemptSignal,
  newest: () => ProgressDocument,
): Promise<void> {
  const { signal } = attempt;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (signal.aborted) throw signal.reason;
    try {
      await context.client.activity.heartbeat(context.info.taskToken, newest());
      return;
    } catch (error) {
      if (isStopped(error)) {
        // The answer to the SDK's own next beat carries the same news and the reason that must be thrown.
        context.heartbeat(newest());
        await aborted(signal);
      } else if (error instanceof ActivityCompletionError) {
        await sleep(pause, undefined, { signal }).catch(() => undefined);
      } else throw error;
    }
  }
}

function isStopped(error: unknown): boolean {
  return (
    error instanceof ActivityCancelledError ||
    error instanceof ActivityNotFoundError ||
    error instanceof ActivityPausedError ||
    error instanceof ActivityResetError
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
