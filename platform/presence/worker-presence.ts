/** One Temporal worker (a process has one per task queue) as its own heartbeat describes it. */
export interface WorkerPresence {
  task_queue: string;
  identity: string;
  host: string;
  process_id: string;
  started_at: string;
  heartbeat_at: string;
  /** Jobs it runs now. */
  slots_used: number;
  /** Jobs it could take in addition; -1 when unknown. */
  slots_free: number;
  /** Of a worker for jobs with needs: the queue with whose worker in the same process it has its slots in common. */
  shares?: string;
  /** Attempts that ended here since it started, and those of them that failed. */
  attempts_ended?: number;
  attempts_failed?: number;
  /** It takes no more jobs and leaves when those it has are done. */
  leaving?: boolean;
  /** Deployment and build it is a part of, `name:build`; of orchestrators that were started with a build id. */
  version?: string;
  /** 0–1 */
  host_cpu?: number;
  /** 0–1 */
  host_memory?: number;
}

/**
 * Fills in what workers that share slots can take: what none of them uses. Before, each counts its own jobs only.
 * @param workers those with `shares` have their slots in common with the worker of that queue in the same process
 */
export function withSharedSlots(workers: readonly WorkerPresence[]): WorkerPresence[] {
  const keyOf = ({ host, process_id, identity, shares, task_queue }: WorkerPresence) =>
    `${host} ${process_id} ${identity} ${shares ?? task_queue}`;
  const used = new Map<string, number>();
  for (const worker of workers) used.set(keyOf(worker), (used.get(keyOf(worker)) ?? 0) + worker.slots_used);
  return workers.map((worker) => {
    const others = (used.get(keyOf(worker)) ?? 0) - worker.slots_used;
    if (others === 0 || worker.slots_free < 0) return worker;
    return { ...worker, slots_free: Math.max(0, worker.slots_free - others) };
  });
}
