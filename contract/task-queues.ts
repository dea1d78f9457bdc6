/** The queue of the `job` workflow: what a `temporal workflow start` names. */
export const JOBS_TASK_QUEUE = 'jobs';

/** Name of a pool or a capability: what may stand on either side of the dot in a queue's name. */
export const QUEUE_PART = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The pool of jobs whose requirements no configured pool meets: no worker polls it, so they wait and say why. */
export const UNMATCHED_POOL = 'unmatched';

/** The one place a connector activity's queue gets its name. */
export function taskQueueOf(pool: string, capability: string): string {
  return `${pool}.${capability}`;
}

/** Reverse of {@link taskQueueOf}; undefined for queues that are not of this shape. */
export function parseTaskQueue(queue: string): { pool: string; capability: string } | undefined {
  const dot = queue.indexOf('.');
  if (dot < 1) return undefined;
  const [pool, capability] = [queue.slice(0, dot), queue.slice(dot + 1)];
  return QUEUE_PART.test(pool) && QUEUE_PART.test(capability) ? { pool, capability } : undefined;
}
