/** The queue of the `job` workflow: what a `temporal workflow start` names. */
export const JOBS_TASK_QUEUE = 'jobs';

/** Name of a pool or a capability: what may stand on either side of the dot in a queue's name. */
export const QUEUE_PART = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * The pool of jobs whose requirements nothing met in releases that did not know {@link ANY_POOL}. No worker polls it.
 */
export const UNMATCHED_POOL = 'unmatched';

/**
 * Not a pool: `machine.<id>` is the queue on which a machine is present and takes commands. No pool may have this name.
 */
export const MACHINE_QUEUE_PREFIX = 'machine';

/** Not a pool: its queues are polled by the fitting workers of all pools. No pool may have this name. */
export const ANY_POOL = 'any';

const HOT = '-hot';

/**
 * The one place a connector activity's queue gets its name.
 * @param needs label of needs that only some workers meet; left out: every worker of the pool polls it
 */
export function taskQueueOf(pool: string, capability: string, needs?: string): string {
  return needs === undefined ? `${pool}.${capability}` : `${pool}.${capability}.${needs}`;
}

/** The same queue for workers that have the model of these needs loaded now. */
export function hotQueueOf(pool: string, capability: string, needs: string): string {
  return taskQueueOf(pool, capability, needs + HOT);
}

/** A connector activity's queue, taken apart. */
export interface TaskQueueParts {
  /** {@link ANY_POOL} for the queues of no pool in particular. */
  pool: string;
  capability: string;
  /** Label of what its workers have; absent: any worker of the pool polls it. */
  needs?: string;
  /** Only workers that have the model loaded now. */
  hot?: true;
}

/** Reverse of {@link taskQueueOf} and {@link hotQueueOf}; undefined for queues that are not of this shape. */
export function parseTaskQueue(queue: string): TaskQueueParts | undefined {
  const [pool = '', capability = '', label, ...rest] = queue.split('.');
  if (pool === MACHINE_QUEUE_PREFIX || rest.length > 0) return undefined;
  if (!QUEUE_PART.test(pool) || !QUEUE_PART.test(capability)) return undefined;
  if (label === undefined) return { pool, capability };
  if (!QUEUE_PART.test(label)) return undefined;
  return label.endsWith(HOT)
    ? { pool, capability, needs: label.slice(0, -HOT.length), hot: true }
    : { pool, capability, needs: label };
}
