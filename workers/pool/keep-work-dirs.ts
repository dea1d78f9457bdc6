import type { Client } from '@temporalio/client';
import { sweepWorkDirs } from '../../activities/process-job/work-dir.ts';
import { bounded, isNotFound } from '../../platform/jobs/temporal-calls.ts';
import type { Logger } from '../../platform/logging/logger.ts';

export interface WorkDirsOptions {
  root: string;
  client: Client;
  logger: Logger;
  /** Between two looks. Milliseconds; a minute. */
  intervalMs?: number;
  /** How long a job must be over: an attempt that was told of it may still be tidying up. Milliseconds; half a minute. */
  restMs?: number;
}

/** Longest wait for Temporal's answer. Milliseconds. */
const CALL_MS = 5_000;

/** Removes what ended jobs have left in the work folder, at once and from time to time. One call for each folder there. */
export function keepWorkDirs(options: WorkDirsOptions): { stop(): void } {
  const { root, client, logger, intervalMs = 60_000, restMs = 30_000 } = options;
  const hasEnded = async (workflowId: string): Promise<boolean | undefined> => {
    try {
      const { status, closeTime } = await bounded(client, CALL_MS, () =>
        client.workflow.getHandle(workflowId).describe(),
      );
      return status.name !== 'RUNNING' && closeTime !== undefined && Date.now() - closeTime.getTime() >= restMs;
    } catch (error) {
      // A job that Temporal has forgotten ended long ago, or belongs to another Temporal: its age decides.
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  let sweeping = false;
  const sweep = () => {
    if (sweeping) return;
    sweeping = true;
    sweepWorkDirs(root, Date.now(), { hasEnded })
      .catch((error: unknown) => logger.debug({ err: error }, 'work folders not looked through'))
      .finally(() => (sweeping = false));
  };
  sweep();
  const timer = setInterval(sweep, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
