import type { PoolLimit, PoolLimits, PoolState } from '../../contract/pool-control.ts';
import type { JobLogLine } from '../../platform/logging/job-log.ts';
import type { JobAttempt } from '../../platform/jobs/job-attempts.ts';
import type { QueueBacklog } from '../../platform/jobs/queue-backlog.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import type { ServiceHealth } from '../../contract/service-health.schema.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import type { JobSummary } from '../../contract/job-view.ts';

/** `GET /jobs` */
export interface JobPage {
  jobs: JobSummary[];
  next_cursor?: string;
}

/** `GET /jobs/{id}/attempts` */
export interface AttemptList {
  attempts: JobAttempt[];
}

/** `GET /jobs/{id}/logs` */
export interface LogPage {
  logs: JobLogLine[];
  /** Why there may be more than these, or none. */
  note?: string;
}

/** `GET /services` and `GET /services/{name}` */
export interface ServiceList {
  services: ServiceView[];
  /** Services that CONNECTORS leaves out there. */
  off?: { name: string; family: string }[];
}

/** An API of an older release says nothing of health. */
export interface ServiceView extends Partial<ServiceHealth> {
  name: string;
  title: string;
  description: string;
  pools: string[];
  /** Variables that its workers must have. */
  required_env?: string[];
  inputs: { field: string; description: string; mime: string[]; required: boolean }[];
  example: Record<string, unknown>;
  /** JSON Schema (draft 2020-12) of the payload. */
  payload_schema: JsonSchema;
  /** How many are there now, over all its pools. */
  workers: number;
}

/** As much of JSON Schema as help texts are made from. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
}

/** `GET /pools` */
export interface PoolList {
  pools: PoolView[];
}

export interface PoolView extends Record<PoolLimit, number> {
  name: string;
  description: string;
  control: {
    state: PoolState | 'drained';
    since?: string;
    note?: string;
    /** Numbers changed while it runs, and what pools.json has for them. */
    changed: PoolLimits;
    configured: PoolLimits;
  };
  offers: { machine_type: string; gpu_count: number; gpu_memory_mb: number };
  services: string[];
  workers: number;
  slots_used: number;
  slots_free: number;
  queues: PoolQueue[];
}

export interface PoolQueue {
  capability: string;
  task_queue: string;
  workers: number;
  slots_used: number;
  slots_free: number;
  /** Left out while Temporal is away. */
  backlog?: QueueBacklog;
  /** Queues for jobs with needs, which some of its workers poll besides. */
  derived?: { task_queue: string; needs: string; workers: number; slots_used: number; backlog?: QueueBacklog }[];
}

/** `GET /workers` */
export interface WorkerList {
  workers: WorkerPresence[];
}

/** `GET /machines` */
export interface MachineList {
  machines: MachineView[];
}
