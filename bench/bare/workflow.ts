import { proxyActivities } from '@temporalio/workflow';

const { noop } = proxyActivities<{ noop(): Promise<void> }>({ startToCloseTimeout: '30s' });

/** The least that Temporal can do for a job: one activity that does nothing. */
export async function bare(): Promise<void> {
  await noop();
}
