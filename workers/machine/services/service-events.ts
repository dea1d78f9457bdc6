/**
 * State of an instance. `waiting`: it died and will be started again after a pause. `failed`: its restarts are spent,
 * or it could not be started; it stays so until somebody starts it.
 */
export type InstanceState = 'stopped' | 'starting' | 'ready' | 'unhealthy' | 'waiting' | 'stopping' | 'failed';

/** What a program takes, all its processes together. */
export interface InstanceUsage {
  processes: number;
  /** Resident; what processes share is counted for each. */
  memory_bytes: number;
  /** Of one core: 250 is two and a half cores. Null at the first look. */
  cpu_percent: number | null;
}

/** What is known of an instance. A document: it goes into the machine card. */
export interface InstanceStatus {
  name: string;
  service: string;
  state: InstanceState;
  /** Why it is not `ready`, in words. */
  reason?: string;
  pid?: number;
  ports: number[];
  /** Position of the device it is bound to. */
  gpu?: number;
  /** When the present life began, ISO 8601. */
  started_at?: string;
  /** Since the supervisor began. */
  restarts: number;
  usage?: InstanceUsage;
  log_file: string;
}

/** Something happened to an instance. */
export type ServiceEvent = { name: string; service: string; at: string } & (
  | { type: 'spawned'; pid: number }
  | { type: 'ready'; pid: number; after_ms: number }
  /** Does not answer; not restarted yet. */
  | { type: 'unhealthy'; reason: string; failures: number }
  /** Answers again. */
  | { type: 'healthy' }
  | { type: 'gone'; pid: number; reason: string; last_words: string[]; restart_in_ms: number }
  /** Restarts spent, or never started. */
  | { type: 'failed'; reason: string; last_words: string[] }
  | { type: 'stopped' }
  | { type: 'usage'; usage: InstanceUsage }
);
