import { Worker, type NativeConnection } from '@temporalio/worker';
import type { MachineActivities } from '../../activities/activities.ts';
import { machineTaskQueue } from '../../contract/machine-card.ts';
import type { Config } from '../../platform/config/settings.ts';

/** A change of the card is told within this time; the regular beats are further apart. Milliseconds. */
const CARD_THROTTLE_MS = 1_000;
/** Commands at a time, and the presence. */
const AT_A_TIME = 40;
const LEAVE_MS = 3_000;

/** The worker on the machine's own queue: it is present there, and takes commands. */
export function createMachineWorker(options: {
  connection: NativeConnection;
  config: Pick<Config, 'temporalNamespace'>;
  machineId: string;
  identity: string;
  activities: MachineActivities;
}): Promise<Worker> {
  const { connection, config, machineId, identity, activities } = options;
  return Worker.create({
    connection,
    namespace: config.temporalNamespace,
    taskQueue: machineTaskQueue(machineId),
    identity,
    activities,
    maxConcurrentActivityTaskExecutions: AT_A_TIME,
    maxHeartbeatThrottleInterval: CARD_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: CARD_THROTTLE_MS,
    shutdownGraceTime: LEAVE_MS,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
  });
}
