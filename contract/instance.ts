import type { InstanceConfig } from './instance.schema.ts';
import type { InstanceHealthStatus, InstanceStatus } from './machine-card.ts';

/** Documents about ComfyUI instances, with the field names of their files: camelCase, see `instance.schema.ts`. */

/** Times are `Date` in the process and ISO 8601 in documents. */
export interface InstanceHealth {
  status: InstanceHealthStatus;
  /** Null: never. */
  lastChecked: Date | null;
  /** Of the last check that was answered. Milliseconds. */
  responseTime: number;
  /** Since it was started, failed checks and failed workflows together. */
  errorCount: number;
  /** Checks in a row. */
  consecutiveFailures: number;
  /** Why it is not healthy, in words. */
  reason?: string;
  systemStats?: InstanceSystemStats;
}

export interface InstanceSystemStats {
  /** Percent of the cores its processes may use; null where nobody can tell (an instance elsewhere). */
  cpuUsage: number | null;
  /** Percent of its machine's memory that is in use. */
  memoryUsage: number | null;
  /** Percent of its device's memory that is in use. */
  gpuUsage?: number;
  /** Bytes. */
  gpuMemoryFree?: number;
  /** Prompts that run or wait there, whoever sent them. */
  activeWorkflows: number;
}

export interface InstanceStats {
  totalWorkflows: number;
  successfulWorkflows: number;
  failedWorkflows: number;
  /** Of workflows that came to their end. Milliseconds. */
  averageResponseTime: number;
  /** Since it was started last; 0 when it does not run. Milliseconds. */
  uptime: number;
  lastError?: string;
}

export type InstanceAlertKind =
  | 'unhealthy'
  | 'high_error_rate'
  | 'resource_usage'
  | 'connection_timeout'
  | 'stalled_workflow';

/** Something that a person should know of. */
export interface InstanceAlert {
  instanceId: string;
  kind: InstanceAlertKind;
  message: string;
  /** ISO 8601. */
  raisedAt: string;
  /** Absent while it lasts. */
  endedAt?: string;
}

/** What became of a configuration that knew one instance only. */
export interface MigrationResult {
  migrated: boolean;
  fromVersion?: string;
  toVersion: string;
  instancesCreated: number;
  errors: string[];
}

/** One instance with all that is known of it; secrets are hidden. */
export interface InstanceDocument {
  id: string;
  name: string;
  /** Where it answers. */
  url: string;
  /** Whether its process is started and stopped here. */
  managed: boolean;
  /** Whether it is the active one. */
  active: boolean;
  config: InstanceConfig;
  status: InstanceStatus;
  health: InstanceHealth;
  stats: InstanceStats;
  alerts: InstanceAlert[];
  createdAt: Date;
  lastUsedAt: Date | null;
}
