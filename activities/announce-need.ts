import type { Client } from '@temporalio/client';
import { ANNOUNCE_SIGNAL, NEEDS_WORKFLOW, NEEDS_WORKFLOW_ID } from '../contract/needs.ts';
import { JOBS_TASK_QUEUE } from '../contract/task-queues.ts';
import type { OrchestratorActivities } from './activities.ts';

/** Puts a need on the board, which begins with the first one. */
export function createAnnounceNeed(client: Client): OrchestratorActivities['announceNeed'] {
  return async (need) => {
    await client.workflow.signalWithStart(NEEDS_WORKFLOW, {
      workflowId: NEEDS_WORKFLOW_ID,
      taskQueue: JOBS_TASK_QUEUE,
      signal: ANNOUNCE_SIGNAL,
      signalArgs: [need],
      args: [],
    });
  };
}
