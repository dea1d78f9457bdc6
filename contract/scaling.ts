/**
 * The scaler is one long activity of the workflow `scaler` on the queue of the same name: Temporal lets one process hold
 * it at a time, which is what makes the active scaler the only one, and gives it to the next when the holder falls
 * silent. Its heartbeat details are the {@link ScalingReport}. Steady state costs no history event.
 */
export const SCALER_WORKFLOW = 'scaler';
export const SCALER_WORKFLOW_ID = 'scaler';
export const SCALER_TASK_QUEUE = 'scaler';

/** Silence after which another scaler takes over. Milliseconds. */
export const SCALER_TIMEOUT_MS = 20_000;

export type ScalingAlertKind = 'exhaustion' | 'degradation' | 'cost';

/** Something a person should look at. */
export interface ScalingAlert {
  /** `exhaustion`: jobs wait and no worker can be added. `degradation`: jobs fail. `cost`: a budget ends. */
  kind: ScalingAlertKind;
  severity: 'warning' | 'critical';
  message: string;
}

/** What the scaler last saw and decided of one pool. Wire document: snake_case. */
export interface PoolScaling {
  pool: string;
  driver: string;
  /** Workers it wants. */
  wanted: number;
  /** Workers that take jobs. */
  ready: number;
  /** Ordered, not ready yet. */
  starting: number;
  /** Take no more jobs and end with the last they have; only of workers that the scaler started itself. */
  draining: number;
  /** In words: why so many. */
  reason: string;
  /** Jobs that wait, those that run, and how long the oldest has waited. */
  backlog: number;
  running: number;
  oldest_ms: number;
  /** Mean time of the latest jobs; absent before the first has ended. */
  processing_ms?: number;
  /** Share of the latest attempts that succeeded, 0–1; absent while too few have ended. */
  success_rate?: number;
  /** Since midnight UTC, in the currency of the policy; absent without `cost_per_hour`. */
  cost_today?: number;
  alerts: ScalingAlert[];
  /** Since when so many are wanted, epoch milliseconds. */
  since: number;
}

export interface ScalingReport {
  v: 1;
  /** Identity of the process. */
  scaler: string;
  /** Of the last look, epoch milliseconds of its clock. */
  at: number;
  pools: PoolScaling[];
}

/** `GET /scaling`: the pools that scale, as their scaler last saw them. */
export interface ScalingView {
  /** Whether a scaler is at work; without one the pools stay as they are. */
  active: boolean;
  /** Identity of the active scaler, or of the last one. */
  scaler?: string;
  /** Of the scaler's last look, RFC 3339. */
  seen_at?: string;
  pools: PoolScalingView[];
}

export interface PoolScalingView extends PoolScaling {
  min_workers: number;
  max_workers: number;
  budget_per_day?: number;
  /** False until a scaler has looked at the pool. */
  seen: boolean;
}
