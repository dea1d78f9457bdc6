import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { bounded } from './temporal-calls.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** What waits on a queue, as Temporal counts it. */
export interface QueueBacklog {
  /** Jobs that wait for a worker; approximate. */
  queued: number;
  /** How long the oldest of them has waited. Milliseconds. */
  oldest_ms: number;
  /** Jobs per second that come and go. */
  add_rate: number;
  dispatch_rate: number;
  /** Those that wait, by priority; without priorities of which none waits. */
  by_priority: { priority: number; queued: number; oldest_ms: number }[];
}

const FRESH_MS = 1_000;
const AT_A_TIME = 8;

/** Backlogs of queues; one question per queue and second, however many ask. */
export class QueueBacklogs {
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #limit = pLimit(AT_A_TIME);
  readonly #cache = new LRUCache<string, Promise<QueueBacklog>>({ max: 1_000, ttl: FRESH_MS });

  constructor(client: Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws TemporalUnavailableError, TemporalBusyError */
  read(taskQueue: string): Promise<QueueBacklog> {
    let pending = this.#cache.get(taskQueue);
    if (!pending) {
      // Counted from here: turns of an outage must not add up.
      const until = performance.now() + this.#timeoutMs;
      pending = this.#limit(() => this.#ask(taskQueue, Math.max(1, until - performance.now())));
      this.#cache.set(taskQueue, pending);
      pending.catch(() => this.#cache.delete(taskQueue));
    }
    return pending;
  }

  async #ask(taskQueue: string, timeoutMs: number): Promise<QueueBacklog> {
    const { namespace } = this.#client.options;
    const { stats, statsByPriorityKey } = await bounded(this.#client, timeoutMs, () =>
      this.#client.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        reportStats: true,
      }),
    );
    return {
      queued: Number(stats?.approximateBacklogCount ?? 0),
      oldest_ms: stats?.approximateBacklogAge ? tsToMs(stats.approximateBacklogAge) : 0,
      add_rate: stats?.tasksAddRate ?? 0,
      dispatch_rate: stats?.tasksDispatchRate ?? 0,
      by_priority: Object.entries(statsByPriorityKey ?? {}).flatMap(([key, one]) => {
        const queued = Number(one.approximateBacklogCount ?? 0);
        const age = one.approximateBacklogAge;
        return queued === 0 ? [] : [{ priority: Number(key), queued, oldest_ms: age ? tsToMs(age) : 0 }];
      }),
    };
  }
}
