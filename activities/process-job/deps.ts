import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { InputFile } from '../../connectors/contract/job-context.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/** What `processJob` rests on; built by the composition root of a pool worker. */
export interface ProcessJobDeps {
  /** The ready connector of that class; initialised once per process. */
  connector(className: string): Promise<ConnectorInterface>;
  artifacts: ArtifactStore;
  inputs: { open(reference: string, pointer: string, signal: AbortSignal): Promise<InputFile> };
  logger: Logger;
  /** Parent of the jobs' own folders. */
  workRoot: string;
  maxOutputBytes: number;
  /** Identity of this worker, as in the Temporal Web UI. */
  worker: string;
  observer?: AttemptObserver;
}

/** Hears how attempts end; for metrics. */
export interface AttemptObserver {
  started(task: { service: string; pool: string }): void;
  ended(task: { service: string; pool: string }, outcome: string, seconds: number): void;
}
