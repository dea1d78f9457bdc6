import type { Need } from '../../contract/needs.ts';
import { parseTaskQueue, taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { QueueBacklog } from '../jobs/queue-backlog.ts';
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

interface Backlogs {
  read(taskQueue: string): Promise<Pick<QueueBacklog, 'queued' | 'oldest_ms'>>;
}

/** The plain queue of a capability, with those of jobs with needs: they share the slots of their workers. */
interface PoolQueue {
  capability: string;
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
  readonly #backlogs: Backlogs;
  readonly #presence: Pick<PresenceCache, 'workers'>;
  readonly #needs: () => readonly Need[];
  readonly #pools: Map<string, PoolQueue[]>;

  /** @param needs that jobs have lately had; those of each have a queue of their own in every pool. Default: none */
  constructor(
    catalog: Pick<Catalog, 'services' | 'pools'>,
    backlogs: Backlogs,
    presence: Pick<PresenceCache, 'workers'>,
    needs: () => readonly Need[] = () => [],
  ) {
    this.#needs = needs;
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
    const backlogs = await Promise.all(queues.map(({ capability }) => this.#backlog(pool, capability)));
    const workers = this.#workers(pool);
    const processes = processesOf(workers);
    const takesJobs = processes.some(({ leaving }) => !leaving);
    return {
      processes,
      queues: queues.map((queue, index) => {
        const serving = workers.filter(({ task_queue: name }) => parseTaskQueue(name)?.capability === queue.capability);
        queue.flow.add(now, serving.map(countsOf));
        queue.unserved = takesJobs && !serving.some(({ leaving }) => !leaving) ? queue.unserved + 1 : 0;
        return {
          capability: queue.capability,
          ...backlogs[index]!,
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
    return processesOf(this.#workers(pool));
  }

  #workers(pool: string): WorkerPresence[] {
    return this.#presence.workers().filter(({ task_queue: name }) => parseTaskQueue(name)?.pool === pool);
  }

  async #backlog(pool: string, capability: string): Promise<{ backlog: number; oldest_ms: number }> {
    const labels = this.#needs().flatMap((need) => (need.capability === capability ? [need.label] : []));
    const names = [undefined, ...labels].map((label) => taskQueueOf(pool, capability, label));
    const found = await Promise.all(names.map((name) => this.#backlogs.read(name)));
    return {
      backlog: found.reduce((sum, { queued }) => sum + queued, 0),
      oldest_ms: found.reduce((most, { queued, oldest_ms: ms }) => (queued > 0 ? Math.max(most, ms) : most), 0),
    };
  }
}

function queuesOf({ services, pools }: Pick<Catalog, 'services' | 'pools'>, pool: string): PoolQueue[] {
  const queues = new Map<string, PoolQueue>();
  for (const route of [...services.values()].flatMap((service) => service.routes)) {
    // Where several connectors could serve a queue, the one that comes first does.
    if (route.pool !== pool || queues.has(route.capability)) continue;
    queues.set(route.capability, {
      capability: route.capability,
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
