import type { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contract/artifact.ts';

export interface PutOptions {
  name: string;
  /** Used only when sniffing finds nothing. */
  mime?: string;
  meta?: Record<string, string | number | boolean>;
  /** Bytes after which the write is given up and undone. */
  maxBytes: number;
  signal?: AbortSignal;
}

/**
 * Where bytes live. A write is atomic (temporary file, fsync, rename) and content-addressed within its job, so a stale
 * attempt never changes what a result refers to.
 */
export interface ArtifactStore {
  /** @throws ArtifactTooLargeError, or the file system's error (ENOSPC) with nothing left behind */
  putOutput(jobId: string, content: Readable | Buffer, options: PutOptions): Promise<ArtifactRef>;
  /** Stores an upload under its hash; the same content twice is one file. */
  putInput(content: Readable | Buffer, options: PutOptions): Promise<ArtifactRef>;
  /** undefined when there is no such artifact (any more) */
  stat(uri: string): Promise<ArtifactRef | undefined>;
  /** @param range inclusive byte positions */
  read(uri: string, range?: { start: number; end?: number }): Promise<Readable | undefined>;
  /** Path on this machine, for connectors; undefined when there is no such artifact. */
  localPath(uri: string): Promise<string | undefined>;
  /** Notes when the outputs of a job may be removed. */
  setExpiry(jobId: string, at: Date): Promise<void>;
  /** Removes what has expired. @returns ids of the jobs whose outputs went */
  sweep(now: Date): Promise<string[]>;
}

export class ArtifactTooLargeError extends Error {
  override readonly name = 'ArtifactTooLargeError';
  readonly maxBytes: number;
  constructor(name: string, maxBytes: number) {
    super(`${name} is over the limit of ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}
