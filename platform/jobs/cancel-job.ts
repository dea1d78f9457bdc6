import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { LiveJob } from './live-job.ts';
import { bounded } from './temporal-calls.ts';

/**
 * Asks a run to cancel. Temporal takes the request without complaint for a run that has ended or was asked before.
 * @param reason kept in the history and shown with the job
 */
export async function cancelJob(client: Client, live: LiveJob, reason: string, ms: number): Promise<void> {
  const { namespace, identity } = client.options;
  // One id for all tries of this call: a request that got through before its answer was lost counts once.
  const requestId = randomUUID();
  await bounded(client, ms, () =>
    client.workflowService.requestCancelWorkflowExecution({
      namespace,
      identity,
      requestId,
      reason,
      workflowExecution: { workflowId: live.workflowId, runId: live.runId },
    }),
  );
}
