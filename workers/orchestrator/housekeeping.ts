import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/** Between two looks for expired artifacts. Milliseconds. */
const SWEEP_INTERVAL = 600_000;

/** Removes expired artifacts, at start and from time to time. */
export function startHousekeeping(artifacts: ArtifactStore, logger: Logger): { stop(): void } {
  const sweep = () => {
    artifacts.sweep(new Date()).then(
      (jobs) => {
        if (jobs.length > 0) logger.info({ jobs: jobs.length }, 'expired artifacts removed');
      },
      (error: unknown) => logger.warn({ err: error }, 'artifact sweep failed'),
    );
  };
  sweep();
  const timer = setInterval(sweep, SWEEP_INTERVAL);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
