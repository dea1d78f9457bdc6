import type { ArtifactRef } from '../../contract/artifact.ts';
import type { Requirements } from '../../contract/job.schema.ts';
import type { JobContext } from './job-context.ts';
import type { LogFields } from './log-fields.ts';

/** The seven states a connector can be in. */
export type ConnectorStatus =
  | 'starting'
  | 'waiting_for_service'
  | 'connecting'
  | 'idle'
  | 'active'
  | 'error'
  | 'offline';

/** A job as connectors see it. */
export interface JobData<P = Record<string, any>> {
  id: string;
  /** The service the job asked for. */
  type: string;
  payload: P;
  priority: number;
  requirements?: Requirements;
  /** Epoch milliseconds of the submission. */
  created_at: number;
  metadata?: Record<string, string | number | boolean>;
  tenant?: string;
}

export interface ProgressUpdate {
  job_id: string;
  /** 0–100. A value below an earlier one is raised to it. */
  progress: number;
  message?: string;
  /** A name (as in the creation guide) or the number of the step. */
  current_step?: string | number;
  total_steps?: number;
  estimated_completion_ms?: number;
  /** Normalized fields of the service for the log record of this report, if it gets one. */
  log?: LogFields;
}

/**
 * Never waits for the network; the server hears of it within half a second. Never throws, with one exception: to a
 * connector that takes no context, and so has no signal, it throws the reason once the job is to stop.
 */
export type ProgressCallback = (update: ProgressUpdate) => void | Promise<void>;

export interface JobResult {
  job_id: string;
  status: 'completed' | 'failed';
  /** JSON, at most 256 KiB; media go through `context.writeOutput`. */
  result?: unknown;
  /** What `context.writeOutput` returned, in the order a viewer should show. */
  artifacts?: ArtifactRef[];
  error?: string;
  processing_time_ms?: number;
  service_info?: { connector_id: string; service_job_id?: string; [key: string]: unknown };
}

export interface ServiceInfo {
  service_name: string;
  service_version: string;
  base_url?: string;
  status: 'online' | 'offline' | 'busy' | 'error';
  capabilities: {
    supported_formats?: string[];
    supported_models?: string[];
    /** Those that are loaded now, where the service says so. */
    loaded_models?: string[];
    features?: string[];
    concurrent_jobs?: number;
  };
  resource_usage?: { cpu_usage?: number; memory_usage_mb?: number; gpu_usage?: number; gpu_memory_mb?: number };
  queue_info?: { pending_jobs: number; active_jobs: number };
  /** What else is worth knowing, by name, for people: shown by `switchyard services NAME`. No secrets. */
  details?: Record<string, string | number>;
}

export interface HealthCheckCapabilities {
  supportsBasicHealthCheck: boolean;
  supportsJobStatusQuery: boolean;
  supportsJobCancellation: boolean;
  supportsServiceRestart: boolean;
  supportsQueueIntrospection: boolean;
}

export interface ServiceJobStatus {
  serviceJobId: string;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'unknown';
  canReconnect: boolean;
  canCancel: boolean;
  progress?: number;
  errorMessage?: string;
}

export interface ConnectorConfig {
  service_type: string;
  base_url?: string;
  api_key?: string;
  max_concurrent_jobs?: number;
  /** Milliseconds for one request to the backend. */
  timeout?: number;
  health_check_interval_seconds?: number;
  [key: string]: any;
}

export interface ConnectorInterface {
  connector_id: string;
  service_type: string;
  version: string;
  initialize(): Promise<void>;
  cleanup(): Promise<void>;
  getStatus(): ConnectorStatus;
  checkHealth(): Promise<boolean>;
  getAvailableModels(): Promise<string[]>;
  getServiceInfo(): Promise<ServiceInfo>;
  getHealthCheckCapabilities(): HealthCheckCapabilities;
  queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus>;
  canProcessJob(jobData: JobData): Promise<boolean>;
  processJob(jobData: JobData, progressCallback?: ProgressCallback, context?: JobContext): Promise<JobResult>;
  cancelJob(jobId: string): Promise<void>;
  updateConfiguration(config: Partial<ConnectorConfig>): Promise<void>;
  getConfiguration(): ConnectorConfig;
}

/** What discovery loads: a class that makes a connector from nothing but the environment. */
export interface ConnectorClass {
  new (connectorId?: string, config?: Partial<ConnectorConfig>): ConnectorInterface;
  /** Variables the connector reads, each with a template such as `${X:-default}`. */
  getRequiredEnvVars?(): Record<string, string>;
}
