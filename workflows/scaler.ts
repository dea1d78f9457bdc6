import { proxyActivities } from '@temporalio/workflow';
import type { ScalingActivities } from '../activities/activities.ts';
import { SCALER_TASK_QUEUE, SCALER_TIMEOUT_MS } from '../contract/scaling.ts';

/**
 * Gives the one right to scale to one process at a time: whoever runs the activity has it until it ends or falls silent.
 * Retries write no events, so this history stays as short as it is.
 */
export async function scaler(): Promise<void> {
  const { scale } = proxyActivities<ScalingActivities>({
    taskQueue: SCALER_TASK_QUEUE,
    startToCloseTimeout: '3650 days',
    heartbeatTimeout: SCALER_TIMEOUT_MS,
    retry: { initialInterval: '1s', backoffCoefficient: 1 },
    summary: 'the active scaler',
  });
  await scale();
}
