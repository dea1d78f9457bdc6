import type { Worker } from '@temporalio/worker';
import type { Logger } from '../../platform/logging/logger.ts';

/** Several Temporal workers of one process that start and leave together. */
export interface WorkerGroup {
  /** Resolves when all have left; rejects when one of them failed. */
  readonly done: Promise<void>;
  /** The same for who waits in a race: resolves with why one of them failed, or with undefined. */
  readonly failed: Promise<unknown>;
  /** One more, which may also leave before the others: resolves when it has. Its failure is its own. */
  add(worker: Worker): Promise<void>;
  states(): { task_queue: string; state: string; active_jobs: number }[];
  /** Stop taking jobs, let running ones finish within the grace time, interrupt the rest. */
  shutdown(): void;
}

export function runWorkers(workers: Worker[], logger: Logger): WorkerGroup {
  const added = new Map<Worker, Promise<void>>();
  let leaving = false;
  const shutdown = () => {
    leaving = true;
    for (const worker of [...workers, ...added.keys()]) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const add = (worker: Worker) => {
    const run = worker
      .run()
      .catch((error: unknown) =>
        logger.error({ err: error, task_queue: worker.options.taskQueue }, 'worker of a derived queue failed'),
      )
      .finally(() => added.delete(worker));
    added.set(worker, run);
    if (leaving) shutdown();
    return run;
  };
  const done = Promise.all(
    workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        logger.error({ err: error, task_queue: worker.options.taskQueue }, 'worker failed');
        shutdown();
        throw error;
      }),
    ),
  ).then(async () => {
    shutdown();
    await Promise.all(added.values());
  });
  return {
    add,
    done,
    failed: done.then(
      () => undefined,
      (error: unknown) => error,
    ),
    shutdown,
    states: () =>
      [...workers, ...added.keys()].map((worker) => ({
        task_queue: worker.options.taskQueue,
        state: worker.getState(),
        active_jobs: worker.getStatus().numInFlightActivities,
      })),
  };
}
