import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JobContext } from '../../connectors/contract/job-context.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { InputResolver } from '../../platform/inputs/create-input-resolver.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/** What the attempts of one job have in common, as Temporal would keep it. */
export interface JobMemory {
  readonly jobId: string;
  serviceJobId?: string;
  checkpoint?: unknown;
  attempt: number;
  /** All ids that were tracked, each once. */
  readonly tracked: Set<string>;
}

export interface ContextParts {
  store: ArtifactStore;
  inputs: InputResolver;
  logger: Logger;
  /** Folder for the working folders of jobs. */
  folder: string;
  maxOutputBytes: number;
}

/** The context of an attempt without Temporal: what is made durable there is remembered here. */
export function attemptContext(memory: JobMemory, signal: AbortSignal, parts: ContextParts): JobContext {
  const { jobId } = memory;
  return {
    signal,
    attempt: memory.attempt,
    logger: parts.logger,
    checkpoint: memory.checkpoint,
    serviceJobId: memory.serviceJobId,
    get workDir() {
      const path = join(parts.folder, jobId);
      mkdirSync(path, { recursive: true });
      return path;
    },
    async saveCheckpoint(checkpoint) {
      memory.checkpoint = structuredClone(checkpoint);
    },
    async trackServiceJob(serviceJobId) {
      memory.serviceJobId = serviceJobId;
      memory.tracked.add(serviceJobId);
    },
    openInput: (reference, pointer) => parts.inputs.open(reference, pointer, signal),
    writeOutput: (content, options) =>
      parts.store.putOutput(jobId, content, { ...options, maxBytes: parts.maxOutputBytes, signal }),
  };
}
