import type { JobTask } from '../../contract/plan.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { InputFile } from '../../connectors/contract/job-context.ts';
import type { PluginHost } from '../../connectors/plugins/plugin-host.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { LiveSource } from '../../platform/live/live-source.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { AttemptObserver } from './attempt-observer.ts';

/** What `processJob` rests on; built by the composition root of a pool worker. */
export interface ProcessJobDeps {
  /**
   * The ready connector for a job; initialised once per process.
   * @param className what the plan names; the worker's own for the job's queue may be another one of the family
   */
  connector(className: string, task: JobTask): Promise<ConnectorInterface>;
  artifacts: ArtifactStore;
  inputs: { open(reference: string, pointer: string, signal: AbortSignal): Promise<InputFile> };
  logger: Logger;
  /** What happens around the jobs of all connectors; none unless given. */
  plugins?: Pick<PluginHost, 'begin'>;
  /** Parent of the jobs' own folders. */
  workRoot: string;
  maxOutputBytes: number;
  /** Identity of this worker, as in the Temporal Web UI. */
  worker: string;
  observer?: AttemptObserver;
  /**
   * Aborted when a worker that was let finish its jobs is in a hurry after all: they end as at the end of the SDK's own
   * grace time, which is fixed when the worker is made, and go on elsewhere. Its reason is a CancelledFailure
   * `WORKER_SHUTDOWN`, which is what connectors know.
   */
  handOver?: AbortSignal;
  /** Takes tokens and previews to whoever watches. */
  live?: Pick<LiveSource, 'open'>;
}
