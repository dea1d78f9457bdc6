import type { ErrorCode } from './errors.ts';

/**
 * The heartbeat details of `processJob`: the whole live state of a job, and all that the next attempt inherits.
 * Readers must ignore fields they do not know; a change that old readers cannot take raises `v`.
 */
export interface ProgressDocument {
  v: 1;
  /** Rises with every change, across attempts and pools; the SSE and WebSocket sequence rests on it. */
  seq: number;
  /** 0–100, never falls within a job. */
  progress: number;
  message?: string;
  /** Name of the step under way, e.g. `decode` or a ComfyUI node. */
  step?: string;
  /** Step n … */
  step_index?: number;
  /** … of m. */
  total_steps?: number;
  /** Milliseconds until the connector expects to be done, counted from `at`. */
  eta_ms?: number;
  /** The backend's own id for this job: what the next attempt re-attaches to. */
  service_job_id?: string;
  /** Connector-defined, JSON, at most 64 KiB; larger state belongs into a file named here. */
  checkpoint?: unknown;
  /** Which backend instance has the job, e.g. a base URL without credentials. */
  instance?: string;
  /** Worker identity of the attempt that wrote this. */
  worker: string;
  /** Temporal's attempt number of the writer. */
  attempt: number;
  /** Failures that count against the job's attempt budget. */
  failures: number;
  /** Attempts that ended in an orderly way (counted or not); the others died with their worker. */
  ended: number;
  /** Code of the last orderly failure. */
  last_code?: ErrorCode;
  /** Epoch milliseconds of the writer's clock. For people, not for arithmetic between machines. */
  at: number;
}

/** Reads heartbeat details written by this or another version; undefined for anything else. */
export function readProgress(value: unknown): ProgressDocument | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const doc = value as Partial<ProgressDocument>;
  return doc.v === 1 && typeof doc.seq === 'number' && typeof doc.progress === 'number'
    ? (doc as ProgressDocument)
    : undefined;
}
