import { proxyActivities } from '@temporalio/workflow';

/**
 * The least that Temporal can do for a job: one activity that does nothing.
 * @param taskQueue where the activity runs; default: the workflow's own queue
 */
export async function bare(taskQueue?: string): Promise<void> {
  const { noop } = proxyActivities<{ noop(): Promise<void> }>({ startToCloseTimeout: '30s', taskQueue });
  await noop();
}
