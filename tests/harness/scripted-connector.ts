import type {
  ConnectorConfig,
  ConnectorInterface,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceJobStatus,
} from '../../connectors/contract/connector.ts';
import type { JobContext } from '../../connectors/contract/job-context.ts';

export type Script = (job: JobData, progress: ProgressCallback, context: JobContext) => Promise<unknown>;

/** A connector whose jobs do what a test says; everything around it is real. */
export class ScriptedConnector implements ConnectorInterface {
  connector_id = 'scripted';
  service_type = 'simulation';
  version = '1';
  /** Attempts that have begun, by job id. */
  readonly begun: string[] = [];
  script: Script;

  constructor(script: Script = async () => 'done') {
    this.script = script;
  }

  async initialize() {}
  async cleanup() {}
  getStatus() {
    return 'idle' as const;
  }
  async checkHealth() {
    return true;
  }
  async getAvailableModels() {
    return [];
  }
  async getServiceInfo() {
    return { service_name: 'scripted', service_version: '1', status: 'online' as const, capabilities: {} };
  }
  getHealthCheckCapabilities() {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: false,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }
  async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false };
  }
  async canProcessJob() {
    return true;
  }
  async processJob(job: JobData, progress: ProgressCallback, context: JobContext): Promise<JobResult> {
    this.begun.push(job.id);
    return { job_id: job.id, status: 'completed', result: await this.script(job, progress, context) };
  }
  async cancelJob() {}
  async updateConfiguration() {}
  getConfiguration(): ConnectorConfig {
    return { service_type: 'simulation' };
  }
}

/** Resolves when the job is asked to stop; for scripts that wait. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
