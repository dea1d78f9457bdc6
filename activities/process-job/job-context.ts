import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobTask } from '../../contract/plan.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { JobContext, OutputOptions } from '../../connectors/contract/job-context.ts';
import type { LiveSink } from '../../connectors/contract/live-sink.ts';
import { safeFileName } from '../../platform/artifacts/safe-name.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { ProcessJobDeps } from './deps.ts';
import type { ProgressReporter } from './progress-reporter.ts';
import type { WorkDir } from './work-dir.ts';

const MAX_CHECKPOINT_BYTES = 65_536;

/** Joins the parts of an attempt into what a connector gets. */
export function createJobContext(parts: {
  task: JobTask;
  deps: ProcessJobDeps;
  reporter: ProgressReporter;
  signal: AbortSignal;
  attempt: number;
  logger: Logger;
  workDir: WorkDir;
  live?: LiveSink;
}): JobContext {
  const { task, deps, reporter, signal, attempt, logger, workDir, live } = parts;
  const { checkpoint, service_job_id: serviceJobId, instance: serviceInstance } = reporter.document;
  const names = new Map<string, number>();
  let expiry: Promise<void> | undefined;
  return {
    signal,
    attempt,
    logger,
    live,
    checkpoint,
    serviceJobId,
    serviceInstance,
    get workDir() {
      return workDir.path;
    },
    async saveCheckpoint(next) {
      const bytes = Buffer.byteLength(JSON.stringify(next) ?? '');
      if (bytes > MAX_CHECKPOINT_BYTES) {
        throw new ConnectorError(
          'internal',
          `The checkpoint is ${bytes} bytes long, the limit is ${MAX_CHECKPOINT_BYTES}; keep large state in workDir`,
          { retryable: false },
        );
      }
      await reporter.save({ checkpoint: next });
    },
    async trackServiceJob(id, instance) {
      await reporter.save({ service_job_id: id, ...(instance === undefined ? {} : { instance }) });
      logger.info({ service_job_id: id, instance }, 'service job tracked');
    },
    openInput: (reference, pointer) => deps.inputs.open(reference, pointer, signal),
    async writeOutput(content, options: OutputOptions & { replaces?: ArtifactRef }): Promise<ArtifactRef> {
      const { replaces, ...put } = options;
      const name = replaces ? replaces.name : unique(put.name, names);
      const ref = await deps.artifacts.putOutput(task.job_id, content, {
        ...put,
        name,
        maxBytes: deps.maxOutputBytes,
        signal,
      });
      // Now, not at the end: an attempt that fails or dies leaves outputs too, and they must go some day.
      expiry ??= deps.artifacts.setExpiry(
        task.job_id,
        new Date(Date.now() + task.run_timeout_ms + task.artifact_retention_ms),
      );
      await expiry;
      return ref;
    },
  };
}

/**
 * A second `image.png` becomes `image-2.png`: the names under which they are stored must differ.
 * @param taken names that are in use, and how often each was asked for
 */
function unique(name: string, taken: Map<string, number>): string {
  const plain = safeFileName(name);
  for (let count = (taken.get(plain) ?? 0) + 1; ; count++) {
    const candidate = count === 1 ? plain : safeFileName(name, `-${count}`);
    if (taken.has(candidate)) continue;
    taken.set(candidate, 1).set(plain, count);
    return candidate;
  }
}
