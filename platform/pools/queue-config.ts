import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { bounded, grpcCodeOf, TemporalUnavailableError } from '../jobs/temporal-calls.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** gRPC: the server does not know the call. */
const UNIMPLEMENTED = 12;

/** The rate limit of a queue, as Temporal keeps it in its database. */
export interface QueueLimit {
  /** Tasks a second; 0 holds every task back. */
  perSecond: number;
  /** Who set it and why; Temporal takes 1,000 bytes. */
  reason: string;
}

/** @returns undefined for a queue without a limit @throws TemporalUnavailableError, TemporalBusyError */
export async function readQueueLimit(client: Client, taskQueue: string, ms: number): Promise<QueueLimit | undefined> {
  const { namespace } = client.options;
  const { config } = await bounded(client, ms, () =>
    client.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      reportConfig: true,
    }),
  );
  const limit = config?.queueRateLimit;
  if (!limit?.rateLimit) return undefined;
  return { perSecond: limit.rateLimit.requestsPerSecond ?? 0, reason: limit.metadata?.reason ?? '' };
}

/**
 * Sets or, with undefined, removes the limit. The server obeys it at once when it is set, and within about a second when
 * it is removed.
 * @throws TemporalUnavailableError also for a server before 1.29, which knows no such limits; TemporalBusyError
 */
export async function writeQueueLimit(
  client: Client,
  taskQueue: string,
  limit: QueueLimit | undefined,
  ms: number,
): Promise<void> {
  const { namespace, identity } = client.options;
  try {
    await bounded(client, ms, () =>
      client.workflowService.updateTaskQueueConfig({
        namespace,
        identity,
        taskQueue,
        taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        updateQueueRateLimit: {
          rateLimit: limit ? { requestsPerSecond: limit.perSecond } : undefined,
          reason: limit?.reason ?? '',
        },
      }),
    );
  } catch (error) {
    if (grpcCodeOf(error) !== UNIMPLEMENTED) throw error;
    throw new TemporalUnavailableError('This Temporal server cannot hold queues back; 1.29 and later can', {
      cause: error,
    });
  }
}
