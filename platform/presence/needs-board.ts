import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { NEEDS_MEMO, NEEDS_WORKFLOW, NEEDS_WORKFLOW_ID, type Need } from '../../contract/needs.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { awaitEnd } from '../jobs/await-end.ts';
import type { Logger } from '../logging/logger.ts';

/** Pause after Temporal did not answer. Milliseconds. */
const PAUSE_MS = 3_000;

/** The worker's eye on the board of needs: one long poll, and no other cost while nothing changes. */
export interface NeedsBoard {
  stop(): Promise<void>;
}

/**
 * Follows the board, which begins with whoever looks first.
 * @param onNeeds called with the whole list, at first and whenever it changes
 */
export function followNeeds(client: Client, logger: Logger, onNeeds: (needs: Need[]) => void): NeedsBoard {
  const stopped = new AbortController();
  const { signal } = stopped;
  const follow = async () => {
    while (!signal.aborted) {
      try {
        const { runId, memo } = await look(client);
        if (signal.aborted) return;
        onNeeds((memo?.[NEEDS_MEMO] as Need[] | undefined) ?? []);
        await awaitEnd(client, NEEDS_WORKFLOW_ID, runId, signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.debug({ err: error }, 'the board of needs is out of reach');
        await pause(signal);
      }
    }
  };
  const done = follow();
  return {
    async stop() {
      stopped.abort();
      await done;
    },
  };
}

async function look(client: Client) {
  const handle = client.workflow.getHandle(NEEDS_WORKFLOW_ID);
  const known = await handle.describe().catch(() => undefined);
  if (known?.status.name === 'RUNNING') return known;
  await client.workflow
    .start(NEEDS_WORKFLOW, { workflowId: NEEDS_WORKFLOW_ID, taskQueue: JOBS_TASK_QUEUE, args: [] })
    .catch((error: unknown) => {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    });
  return handle.describe();
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PAUSE_MS);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
