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
  /** 0–1 */
  host_cpu?: number;
  /** 0–1 */
  host_memory?: number;
}
