/**
 * How many jobs at a time one Temporal worker takes, as its heartbeat tells it: the SDK reports no free slots for a
 * limit that can change, but it reports names of plugins, which are ours to choose.
 */
export interface WorkerSlots {
  /** What the worker was started with. */
  base: number;
  /** A person gave the number for this process: a pool's limit may lower it, never raise it. */
  capped: boolean;
}

const PREFIX = 'switchyard.slots/';

export function slotsName({ base, capped }: WorkerSlots): string {
  return `${PREFIX}${base}${capped ? '/capped' : ''}`;
}

/** Reverse of {@link slotsName}; undefined for any other plugin. */
export function parseSlotsName(name: string): WorkerSlots | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const [base, capped] = name.slice(PREFIX.length).split('/');
  return Number.isInteger(Number(base)) ? { base: Number(base), capped: capped === 'capped' } : undefined;
}

/** @param poolLimit what an operator has set for the pool while it runs */
export function slotLimit({ base, capped }: WorkerSlots, poolLimit: number | undefined): number {
  if (poolLimit === undefined) return base;
  return capped ? Math.min(base, poolLimit) : poolLimit;
}

const SHARES = 'switchyard.shares/';

/** Name of a plugin that says with the worker of which queue a worker has its slots in common. */
export function sharesName(taskQueue: string): string {
  return SHARES + taskQueue;
}

/** Reverse of {@link sharesName}; undefined for any other plugin. */
export function parseSharesName(name: string): string | undefined {
  return name.startsWith(SHARES) ? name.slice(SHARES.length) : undefined;
}
