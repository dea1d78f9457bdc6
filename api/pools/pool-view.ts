import type { PoolLimits } from '../../contract/pool-control.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { QueueBacklog } from '../../platform/jobs/queue-backlog.ts';
import { capabilitiesOf } from '../../platform/pools/pool-queues.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import { needsInWords } from '../../platform/routing/need-of.ts';
import type { ApiContext } from '../context.ts';

/** Workers say every few seconds what they run: before that many of their beats a pool is not called drained. */
const BEATS = 3;

/** A pool as `GET /api/pools` tells it. */
export async function poolView(api: ApiContext, name: string) {
  const capabilities = capabilitiesOf(api.catalog, name);
  const queues = await Promise.all(
    capabilities.map(async (capability) => {
      const taskQueue = taskQueueOf(name, capability);
      const serving = api.presence.workers().filter((worker) => (worker.shares ?? worker.task_queue) === taskQueue);
      const present = serving.filter((worker) => worker.shares === undefined);
      const [derived, backlog] = await Promise.all([derivedQueues(api, serving), backlogOf(api, taskQueue)]);
      return {
        capability,
        task_queue: taskQueue,
        workers: present.length,
        // Its workers run jobs of derived queues in the same slots.
        slots_used: sum(serving.map((worker) => worker.slots_used)),
        slots_free: sum(present.map((worker) => Math.max(0, worker.slots_free))),
        backlog,
        ...(derived.length > 0 ? { derived } : {}),
      };
    }),
  );
  return {
    name,
    ...api.catalog.pools.get(name)!,
    control: controlView(api, name),
    services: capabilities,
    workers: sum(queues.map((queue) => queue.workers)),
    slots_used: sum(queues.map((queue) => queue.slots_used)),
    slots_free: sum(queues.map((queue) => queue.slots_free)),
    queues,
  };
}

/** Queues for jobs with needs, and for loaded models, that workers of one plain queue poll. */
async function derivedQueues(api: ApiContext, serving: readonly WorkerPresence[]) {
  const queues = new Set(serving.flatMap((worker) => (worker.shares === undefined ? [] : worker.task_queue)));
  return Promise.all(
    [...queues].toSorted().map(async (taskQueue) => {
      const present = serving.filter((worker) => worker.task_queue === taskQueue);
      return {
        task_queue: taskQueue,
        needs: needsInWords(taskQueue) ?? '',
        workers: present.length,
        slots_used: sum(present.map((worker) => worker.slots_used)),
        backlog: await backlogOf(api, taskQueue),
      };
    }),
  );
}

function controlView({ pools, presence, config }: ApiContext, name: string) {
  const { state, since, note, limits } = pools.control(name);
  const configured = pools.configured(name)!;
  const running = presence
    .workers()
    .some(({ task_queue: queue, shares, slots_used: used }) => used > 0 && (shares ?? queue).startsWith(`${name}.`));
  const told = pools.knownFor(name) > config.workerHeartbeat * BEATS;
  return {
    state: state === 'draining' && !running && told ? ('drained' as const) : state,
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    ...(note === undefined ? {} : { note }),
    changed: limits,
    configured: Object.fromEntries(
      Object.keys(limits).map((limit) => [limit, configured[limit as keyof PoolLimits]]),
    ) as PoolLimits,
  };
}

async function backlogOf(api: ApiContext, taskQueue: string): Promise<QueueBacklog | undefined> {
  try {
    return await api.backlogs.read(taskQueue);
  } catch {
    return undefined;
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
