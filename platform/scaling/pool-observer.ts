import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { QueueBacklogs } from '../jobs/queue-backlog.ts';
import type { PresenceCache } from '../presence/presence-cache.ts';
import type { WorkerPresence } from '../presence/worker-presence.ts';
import type { QueueObservation } from './pool-observation.ts';
import { RecentFlow, successRate } from './recent-flow.ts';

/** A worker process of a pool, by its heartbeats. */
export interface PresentProcess {
  host: string;
  process_id: string;
  /** Jobs it runs, over all queues of the pool. */
  running: number;
  leaving: boolean;
}

/** What can be seen of a pool from outside. */
export interface PoolLook {
  queues: QueueObservation[];
  processes: PresentProcess[];
  success_rate: number | undefined;
}

interface PoolQueue {
  capability: string;
  taskQueue: string;
  slots: number;
  flow: RecentFlow;
  /** Looks in a row at which the pool had workers and none served this queue. */
  unserved: number;
}

/** So many looks in a row tell that a queue has no worker; the queues of a process do not all beat at one moment. */
const UNSERVED_LOOKS = 3;
/** A job that runs counts as the mean once it has run for longer than what is guessed anyway. Milliseconds. */
const LEAST_RUNNING_MS = 10_000;

/** Looks at pools: backlogs from Temporal's own counts, all else from the heartbeats of the workers. */
export class PoolObserver {
  readonly #backlogs: Pick<QueueBacklogs, 'read'>;
  readonly #presence: Pick<PresenceCache, 'workers'>;
  readonly #pools: Map<string, PoolQueue[]>;

  constructor(
    catalog: Pick<Catalog, 'services' | 'pools'>,
    backlogs: Pick<QueueBacklogs, 'read'>,
    presence: Pick<PresenceCache, 'workers'>,
  ) {
    this.#backlogs = backlogs;
    this.#presence = presence;
    this.#pools = new Map([...catalog.pools.keys()].map((pool) => [pool, queuesOf(catalog, pool)]));
  }

  /**
   * @param now milliseconds of any clock that does not jump
   * @throws TemporalUnavailableError, TemporalBusyError when the backlogs cannot be had
   */
  async look(pool: string, now: number): Promise<PoolLook> {
    const queues = this.#pools.get(pool) ?? [];
    const backlogs = await Promise.all(queues.map(({ taskQueue }) => this.#backlogs.read(taskQueue)));
    const workers = this.#workers(queues);
    const processes = processesOf(workers);
    const takesJobs = processes.some(({ leaving }) => !leaving);
    return {
      processes,
      queues: queues.map((queue, index) => {
        const serving = workers.filter(({ task_queue: name }) => name === queue.taskQueue);
        queue.flow.add(now, serving.map(countsOf));
        queue.unserved = takesJobs && !serving.some(({ leaving }) => !leaving) ? queue.unserved + 1 : 0;
        const { queued, oldest_ms: oldest } = backlogs[index]!;
        return {
          capability: queue.capability,
          backlog: queued,
          oldest_ms: queued > 0 ? oldest : 0,
          running: serving.reduce((sum, { slots_used: used }) => sum + used, 0),
          slots: Math.max(...serving.map(slotsOf), 0) || queue.slots,
          processing_ms: queue.flow.processingMs(LEAST_RUNNING_MS),
          ...(queue.unserved >= UNSERVED_LOOKS ? { unserved: true } : {}),
        };
      }),
      success_rate: successRate(queues.map(({ flow }) => flow)),
    };
  }

  /** Who is there now; costs nothing. */
  processes(pool: string): PresentProcess[] {
    return processesOf(this.#workers(this.#pools.get(pool) ?? []));
  }

  #workers(queues: readonly PoolQueue[]): WorkerPresence[] {
    const names = new Set(queues.map(({ taskQueue }) => taskQueue));
    return this.#presence.workers().filter(({ task_queue: name }) => names.has(name));
  }
}

function queuesOf({ services, pools }: Pick<Catalog, 'services' | 'pools'>, pool: string): PoolQueue[] {
  const queues = new Map<string, PoolQueue>();
  for (const route of [...services.values()].flatMap((service) => service.routes)) {
    // Where several connectors could serve a queue, the one that comes first does.
    if (route.pool !== pool || queues.has(route.capability)) continue;
    queues.set(route.capability, {
      capability: route.capability,
      taskQueue: taskQueueOf(pool, route.capability),
      slots: route.max_concurrent_jobs ?? pools.get(pool)!.max_concurrent_jobs,
      flow: new RecentFlow(),
      unserved: 0,
    });
  }
  return [...queues.values()];
}

function processesOf(workers: readonly WorkerPresence[]): PresentProcess[] {
  const processes = new Map<string, PresentProcess>();
  for (const { host, process_id, slots_used, leaving = false } of workers) {
    const key = `${host} ${process_id}`;
    const known = processes.get(key) ?? { host, process_id, running: 0, leaving: false };
    processes.set(key, { ...known, running: known.running + slots_used, leaving: known.leaving || leaving });
  }
  return [...processes.values()];
}

/** As the worker has it now; an operator may have changed what is configured. */
function slotsOf({ slots_used: used, slots_free: free, leaving }: WorkerPresence): number {
  return leaving || free < 0 ? 0 : used + free;
}

function countsOf(worker: WorkerPresence) {
  return {
    key: `${worker.identity} ${worker.started_at}`,
    running: worker.slots_used,
    ended: worker.attempts_ended ?? 0,
    failed: worker.attempts_failed ?? 0,
  };
}
