import type { WorkflowService } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { parseSharesName, parseSlotsName, slotLimit } from '../../contract/worker-slots.ts';
import { parseTaskQueue } from '../../contract/task-queues.ts';
import type { Logger } from '../logging/logger.ts';
import { withSharedSlots, type WorkerPresence } from './worker-presence.ts';

export interface PresenceOptions {
  workflowService: WorkflowService;
  namespace: string;
  logger: Logger;
  /** How often the list is fetched. 3 ms of server time each. Default 2 s. */
  refreshMs?: number;
  /** A worker that has not beaten for this long is gone. At least three of its heartbeats. Default 8 s. */
  staleMs?: number;
}

/** temporal.api.enums.v1.WorkerStatus */
const SHUTTING_DOWN = 2;

type Heartbeat = temporal.api.worker.v1.IWorkerHeartbeat;

/** What is known of the workers of one queue. */
export type QueuePresence = 'free' | 'busy' | 'none' | 'unknown' | 'unwell' | QueueHold;

/** Its pool starts nothing; told by who knows the pools, never by the cache of workers itself. */
type QueueHold = 'paused' | 'draining';

/**
 * Who is there, from worker heartbeats. Never from pollers: those stay listed five minutes after a death. Refreshed in
 * the background, so that reading costs nothing and submitting a job never waits for it.
 */
export class PresenceCache {
  /** Jobs at a time that an operator has set for a pool while it runs. */
  poolLimit: (pool: string) => number | undefined = () => undefined;
  readonly #options: Required<PresenceOptions>;
  #workers: WorkerPresence[] = [];
  #beats = new Map<string, { beat: number; seenAt: number }>();
  #fetchedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pending: Promise<void> | undefined;

  constructor(options: PresenceOptions) {
    this.#options = { refreshMs: 2_000, staleMs: 8_000, ...options };
  }

  start(): void {
    const tick = async () => {
      await this.refresh();
      this.#timer = setTimeout(() => void tick(), this.#options.refreshMs);
      this.#timer.unref();
    };
    if (!this.#timer) void tick();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Fetches now; failures are logged and leave the last list in place. */
  refresh(): Promise<void> {
    this.#pending ??= this.#fetch()
      .catch((error: unknown) => this.#options.logger.debug({ err: error }, 'worker list not available'))
      .finally(() => {
        this.#pending = undefined;
      });
    return this.#pending;
  }

  /** Everyone present. Empty before the first answer. */
  workers(): WorkerPresence[] {
    return this.#workers;
  }

  /** Whether a queue is served; `unknown` while the list has not been fetched lately. */
  queue(taskQueue: string): QueuePresence {
    if (this.#fetchedAt === undefined || performance.now() - this.#fetchedAt > this.#options.staleMs * 2)
      return 'unknown';
    const serving = this.#workers.filter((worker) => worker.task_queue === taskQueue && !worker.leaving);
    if (serving.length === 0) return 'none';
    return serving.some((worker) => worker.slots_free !== 0) ? 'free' : 'busy';
  }

  async #fetch(): Promise<void> {
    const { workflowService, namespace } = this.#options;
    const workers: WorkerPresence[] = [];
    const beats = new Map<string, { beat: number; seenAt: number }>();
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await workflowService.listWorkers({ namespace, pageSize: 500, nextPageToken });
      for (const { workerHeartbeat: beat } of page.workersInfo ?? []) {
        if (!beat?.taskQueue || !beat.heartbeatTime) continue;
        const { activityTaskSlotsInfo: activity, deploymentVersion: version } = beat;
        const leaving = beat.status === SHUTTING_DOWN;
        const key = beat.workerInstanceKey || `${beat.workerIdentity}/${beat.taskQueue}`;
        const seen = this.#sight(key, tsToMs(beat.heartbeatTime) ?? 0);
        beats.set(key, seen);
        if (performance.now() - seen.seenAt > this.#options.staleMs) continue;
        const shares = readShares(beat);
        workers.push({
          task_queue: beat.taskQueue,
          identity: beat.workerIdentity ?? '',
          host: beat.hostInfo?.hostName ?? '',
          process_id: beat.hostInfo?.processId ?? '',
          started_at: new Date(tsToMs(beat.startTime) ?? 0).toISOString(),
          heartbeat_at: new Date(tsToMs(beat.heartbeatTime) ?? 0).toISOString(),
          slots_used: activity?.currentUsedSlots ?? 0,
          slots_free: leaving ? 0 : this.#slotsFree(beat),
          attempts_ended: activity?.totalProcessedTasks ?? 0,
          attempts_failed: activity?.totalFailedTasks ?? 0,
          ...(leaving ? { leaving } : {}),
          ...(version?.deploymentName ? { version: `${version.deploymentName}:${version.buildId}` } : {}),
          host_cpu: beat.hostInfo?.currentHostCpuUsage ?? undefined,
          host_memory: beat.hostInfo?.currentHostMemUsage ?? undefined,
          ...(shares === undefined ? {} : { shares }),
        });
      }
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
    } while (nextPageToken);
    this.#workers = withSharedSlots(workers);
    this.#beats = beats;
    this.#fetchedAt = performance.now();
  }

  /** Slots that can change come without the number of free ones: it follows from the limit. */
  #slotsFree(beat: Heartbeat): number {
    const { currentAvailableSlots: told, currentUsedSlots: used } = beat.activityTaskSlotsInfo ?? {};
    const own = (beat.plugins ?? []).map(({ name }) => parseSlotsName(name ?? '')).find((one) => one !== undefined);
    if (!own) return told ?? -1;
    const { pool } = parseTaskQueue(beat.taskQueue ?? '') ?? {};
    const limit = slotLimit(own, pool === undefined ? undefined : this.poolLimit(pool));
    return Math.max(0, limit - (used ?? 0));
  }

  /**
   * When a beat was first seen, on our own monotonic clock. The beat's time is of the worker's clock, which may be an
   * hour off: it only tells new beats from old ones, and, at first sight, the freshly dead from the living.
   */
  #sight(key: string, beat: number): { beat: number; seenAt: number } {
    const known = this.#beats.get(key);
    if (known?.beat === beat) return known;
    if (known) return { beat, seenAt: performance.now() };
    return { beat, seenAt: performance.now() - Math.max(0, Date.now() - beat) };
  }
}

function readShares({ plugins }: Heartbeat): string | undefined {
  return (plugins ?? []).map(({ name }) => parseSharesName(name ?? '')).find((one) => one !== undefined);
}
