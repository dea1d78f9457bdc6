import sharp from 'sharp';
import { BaseConnector } from '../base/base-connector.ts';
import { readPayload } from '../base/read-payload.ts';
import { Renewed } from '../base/renewed.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
} from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { MODEL_VERSION, modelFolder } from './model-files.ts';
import { payloadSchema, type UpscalePayload } from './payload.schema.ts';
import { FORMATS } from './picture-format.ts';
import { NETWORK_SCALES } from './scale.ts';
import { environmentTemplates, readSettings, type UpscaleSettings } from './settings.ts';
import { TileThreads } from './tile-threads.ts';
import { upscalePicture, type UpscaleResult } from './upscale-picture.ts';

/**
 * Super-resolution on the CPU, inside this process. Nothing of TensorFlow.js is loaded before the first job, and that
 * only in threads of its own: an idle worker stays small, and a busy one goes on sending heartbeats.
 */
export class UpscaleConnector extends BaseConnector {
  service_type = 'upscale';
  version = MODEL_VERSION;
  readonly #workshop = new Renewed(
    () => openWorkshop(readSettings(this.config, process.env)),
    ({ threads }) => threads.close(),
  );
  #activeJobs = 0;

  constructor(connectorId = 'upscale', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'upscale', ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return environmentTemplates();
  }

  /** @throws ConfigError for a bad setting, ConnectorError `missing_model` when the weights are not installed */
  protected async initializeService(): Promise<void> {
    requireModels();
    readSettings(this.config, process.env);
  }

  protected async cleanupService(): Promise<void> {
    await this.#workshop.close();
  }

  protected override async configurationUpdated(): Promise<void> {
    // Bad ones are refused before the former are given up.
    readSettings(this.config, process.env);
    this.#workshop.renew();
  }

  protected async processJobImpl(
    jobData: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'upscale needs a job context to read and write pictures');
    const { settings, threads } = this.#workshop.current;
    const payload = readPayload(payloadSchema, jobData.payload);
    this.#activeJobs++;
    try {
      const { result, artifact } = await upscalePicture({
        payload,
        settings,
        threads,
        context,
        report: (update) => void progressCallback({ job_id: jobData.id, ...update }),
      });
      return { job_id: jobData.id, status: 'completed', result, artifacts: [artifact] };
    } finally {
      this.#activeJobs--;
    }
  }

  protected override logFields({ job, result }: JobLogFacts): LogFields {
    const { width, height, tiles, tiles_resumed } = (result?.result ?? {}) as Partial<UpscaleResult>;
    return { scale: (job.payload as Partial<UpscalePayload>).scale, width, height, tiles, tiles_resumed };
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const concurrent = this.config.max_concurrent_jobs ?? 1;
    return {
      service_name: 'upscale',
      service_version: this.version,
      status: !modelsInstalled() ? 'error' : this.#activeJobs >= concurrent ? 'busy' : 'online',
      capabilities: {
        supported_formats: [...FORMATS],
        supported_models: NETWORK_SCALES.map((scale) => `esrgan-slim-${scale}x`),
        features: ['alpha', 'progress', 'resume', 'cancel'],
        concurrent_jobs: concurrent,
      },
      queue_info: { pending_jobs: 0, active_jobs: this.#activeJobs },
    };
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: false,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: true,
    };
  }
}

/** Threads are started by the first job. */
function openWorkshop(settings: UpscaleSettings): { settings: UpscaleSettings; threads: TileThreads } {
  // No two jobs do the same work twice, and libvips holds open the files of what it keeps: a canvas of a gigabyte would
  // take its place on the disk long after it was removed.
  sharp.cache(false);
  const { threads: size, idle_seconds, thread_heap_mb: heapMb } = settings;
  return { settings, threads: new TileThreads({ size, idleMs: idle_seconds * 1_000, heapMb }) };
}

function requireModels(): void {
  try {
    for (const scale of NETWORK_SCALES) modelFolder(scale);
  } catch (error) {
    throw new ConnectorError('missing_model', (error as Error).message, { cause: error });
  }
}

function modelsInstalled(): boolean {
  try {
    requireModels();
    return true;
  } catch {
    return false;
  }
}
