import type { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { InputFile } from '../../platform/inputs/input-file.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { LiveSink } from './live-sink.ts';

export type { InputFile };

export interface OutputOptions {
  /** File name for people; a second output of the same name gets a number. */
  name: string;
  /** Used only when sniffing finds nothing. */
  mime?: string;
  meta?: Record<string, string | number | boolean>;
}

/**
 * What an attempt has beside the job itself. Third argument of `processJobImpl`; connectors written after the creation
 * guide need not take it.
 */
export interface JobContext {
  /**
   * Aborted when the job is cancelled, timed out, or the worker is leaving. Stop the backend's work, then
   * `throw context.signal.reason`: a swallowed abort would turn a cancelled attempt into a success.
   */
  readonly signal: AbortSignal;
  /** 1-based; lost attempts count. */
  readonly attempt: number;
  readonly logger: Logger;
  /** What `saveCheckpoint` of an earlier attempt wrote last. */
  readonly checkpoint: unknown;
  /** What an earlier attempt tracked; ask `queryJobStatus` before submitting again. */
  readonly serviceJobId: string | undefined;
  /** The instance that was named with it. */
  readonly serviceInstance?: string;
  /**
   * A directory of this job on this machine, kept between attempts (for finished tiles and the like) and removed when
   * the job ends. Another machine does not see it: treat what is missing as not done.
   */
  readonly workDir: string;
  /** Where tokens and previews go as they come; absent where nothing carries them: use `context.live?.token(…)`. */
  readonly live?: LiveSink;
  /**
   * Makes state durable: resolves when the server has it. 4–20 ms. Write it before the step it protects.
   * @param checkpoint JSON, at most 64 KiB
   */
  saveCheckpoint(checkpoint: unknown): Promise<void>;
  /** Tracks the backend's id for this job, durably. Await it before waiting for the backend. */
  trackServiceJob(serviceJobId: string, instance?: string): Promise<void>;
  /**
   * Resolves a media reference of the payload (`artifact:`, `data:`, `file:` under an allowed root, `https:`).
   * @throws InputError (platform/inputs) with `validation`, `not_found`, `payload_too_large`, `permission`, … naming `pointer`
   */
  openInput(reference: string, pointer: string): Promise<InputFile>;
  /**
   * Streams an output into the artifact store.
   * @throws ArtifactTooLargeError past the size cap, or the error of the file system (disk full); nothing is left behind
   */
  writeOutput(content: Readable | Buffer, options: OutputOptions): Promise<ArtifactRef>;
}
