import type { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { InputFile } from '../../platform/inputs/input-file.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { ConnectorInterface, JobData, JobResult } from './connector.ts';
import type { OutputOptions } from './job-context.ts';

export interface HealthCheckResult {
  healthy: boolean;
  /** Why not, for people. */
  message?: string;
  details?: Record<string, unknown>;
}

/** Where a plugin lives. */
export interface PluginEnvironment {
  /** What the configuration calls this use of the plugin. */
  name: string;
  /** Folder of this machine for what it keeps. */
  dataDir: string;
  logger: Logger;
}

/** What a hook has beside its job. */
export interface PluginJobContext {
  /** As the connector gets it, or got it. */
  readonly job: JobData;
  readonly connector: string;
  readonly pool: string;
  /** 1-based; attempts lost with their worker count. */
  readonly attempt: number;
  /** Aborted when the hook's time is up, and before the job also when the job is to stop. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Opens a media reference, such as the `uri` of an artifact. @throws InputError naming `pointer` */
  openInput(reference: string, pointer: string): Promise<InputFile>;
  /** Writes an output. With `replaces` it takes the name of one that is left out of the result then. */
  writeOutput(content: Readable | Buffer, options: OutputOptions & { replaces?: ArtifactRef }): Promise<ArtifactRef>;
}

/** How an attempt ended. */
export interface AttemptEnd extends PluginJobContext {
  /** `interrupted`: it was cancelled, or goes on in another attempt. */
  readonly outcome: 'completed' | 'failed' | 'interrupted';
  /** Of a failed one, where its error has a code. */
  readonly code?: ErrorCode;
  /** Since the attempt began. Milliseconds. */
  readonly durationMs: number;
}

/**
 * Something that happens around the jobs of a connector without being part of it. One object for each connector of a
 * worker process; every hook but `initialize` may be left out.
 */
export interface ConnectorPlugin {
  readonly name: string;
  readonly version: string;
  /** Before the first job. A plugin that fails here is tried again with the next job. */
  initialize(connector: ConnectorInterface, environment: PluginEnvironment): Promise<void>;
  /**
   * In every attempt, so it must come to the same answer for the same job. Gives back the job, or a changed one: payload,
   * metadata and priority count. Refuses with a ConnectorError of a code that is not retried (`content_policy`,
   * `validation`, …); every other error is a failure of the plugin.
   */
  beforeJobProcess?(jobData: JobData, context: PluginJobContext): Promise<JobData>;
  /**
   * Once at the end of every attempt whose `beforeJobProcess` has passed, also after a re-attachment. Of a completed one the
   * answer becomes the result; otherwise `status` is `failed`, and the answer is passed over.
   */
  afterJobProcess?(result: JobResult, end: AttemptEnd): Promise<JobResult>;
  /** With every scheduled health check of the connector. */
  onHealthCheck?(): Promise<HealthCheckResult>;
  /** When the worker leaves. */
  cleanup?(): Promise<void>;
}

/** A schema of any library that speaks Standard Schema (https://standardschema.dev); zod does. */
export interface OptionsSchema {
  readonly '~standard': { validate(value: unknown): unknown };
}

/** What discovery loads: a class whose name ends in `Plugin`. */
export interface PluginClass {
  new (options: never): ConnectorPlugin;
  /** Checks and completes the options of the configuration; without one there may be none. */
  readonly options?: OptionsSchema;
}
