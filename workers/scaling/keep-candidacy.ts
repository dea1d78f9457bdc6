import type { Client } from '@temporalio/client';
import { SCALER_WORKFLOW, SCALER_WORKFLOW_ID } from '../../contract/scaling.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { bounded } from '../../platform/jobs/temporal-calls.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/** Between two looks whether there is something to stand for. Milliseconds. */
const LOOK_MS = 10_000;
const TIMEOUT_MS = 5_000;

/**
 * Sees to it that the workflow `scaler` is there, now and after somebody has ended it: its activity is what the active
 * scaler holds.
 * @param active whether this process holds it
 */
export function keepCandidacy(client: Client, active: () => boolean, logger: Logger): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async () => {
    if (!active()) {
      await bounded(client, TIMEOUT_MS, () =>
        client.workflow.start(SCALER_WORKFLOW, {
          workflowId: SCALER_WORKFLOW_ID,
          taskQueue: JOBS_TASK_QUEUE,
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: 'Gives the right to scale to one process at a time',
        }),
      ).catch((error: unknown) => logger.warn({ err: error }, 'the scaler cannot stand for its task yet'));
    }
    if (!stopped) timer = setTimeout(() => void look(), LOOK_MS);
  };
  void look();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
