import type { Client } from '@temporalio/client';
import type { PoolControl } from '../../contract/pool-control.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { LivePools } from '../../platform/pools/live-pools.ts';
import { applyState } from '../../platform/pools/queue-hold.ts';
import type { Pool } from '../../platform/catalog/pools.schema.ts';
import { isOf, type PoolSlots } from './pool-slots.ts';

/** Between two looks of a worker at the state of its pools. Milliseconds. */
const REFRESH = 5_000;
const TIMEOUT = 5_000;

export interface FollowOptions {
  client: Client;
  pools: ReadonlyMap<string, Pool>;
  /** Of the queues this process serves. */
  slots: PoolSlots;
  logger: Logger;
  /** Default 5 s. */
  refreshMs?: number;
}

export interface FollowedPools {
  /** One more queue of a pool: brought into line with what was said about it. */
  opened(pool: string, taskQueue: string): void;
  stop(): void;
}

/**
 * A worker does what was said about its pools while it ran, or before it started: its slots follow, and its queues are
 * held or let go, those among them that no API knew of when the pool was paused.
 * @returns once the state is known and the queues are as it wants them; also when Temporal does not tell
 */
export async function followPools(options: FollowOptions): Promise<FollowedPools> {
  const { client, slots, logger } = options;
  const queues = slots.queues();
  const live = new LivePools({
    client,
    pools: options.pools,
    logger,
    refreshMs: options.refreshMs ?? REFRESH,
    only: new Set(queues.map(({ pool }) => pool)),
  });
  const applied: Promise<void>[] = [];
  const apply = async (pool: string, { state }: PoolControl) => {
    const own = queues.filter((queue) => queue.pool === pool && isOf(pool, queue.taskQueue));
    await Promise.all(own.map(({ taskQueue }) => applyState(client, taskQueue, pool, state, TIMEOUT)));
  };
  live.onChange((pool, control) => {
    slots.follow(pool, control);
    if (control.since !== undefined)
      logger.info({ pool, state: control.state, limits: control.limits }, 'pool changed');
    applied.push(
      apply(pool, control).catch((error: unknown) => logger.warn({ err: error, pool }, 'queues not brought into line')),
    );
  });
  await live.start(TIMEOUT);
  await Promise.all(applied.splice(0));
  return {
    opened(pool, taskQueue) {
      if (!queues.some((queue) => queue.taskQueue === taskQueue)) queues.push({ pool, taskQueue });
      if (live.control(pool).since === undefined) return;
      apply(pool, live.control(pool)).catch((error: unknown) =>
        logger.warn({ err: error, pool, task_queue: taskQueue }, 'queue not brought into line'),
      );
    },
    stop: () => live.stop(),
  };
}
