import { parseTaskQueue } from '../../contract/task-queues.ts';
import type { HeldReport } from '../../platform/live/report-book.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';

/** Whether everyone who serves a queue has said that its backend is away, so that nobody takes jobs from it. */
export function backendIsAway(
  taskQueue: string,
  workers: readonly WorkerPresence[],
  reports: readonly HeldReport[],
): boolean {
  const at = parseTaskQueue(taskQueue);
  if (!at) return false;
  const serving = workers.filter((worker) => worker.task_queue === taskQueue && !worker.leaving);
  const unwell = new Set(
    reports
      .filter(({ report }) => report.health === 'unhealthy')
      .filter(({ report }) =>
        report.queues.some(({ pool, capability }) => pool === at.pool && capability === at.capability),
      )
      .map(({ report }) => report.worker),
  );
  return serving.length > 0 && serving.every(({ identity }) => unwell.has(identity));
}
