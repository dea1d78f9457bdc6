import type { JobContext } from '../contract/job-context.ts';

/** A job under way in a connector. */
export interface RunningJob {
  /** Ends this job alone, besides what its context says. */
  readonly stop: AbortController;
  readonly context: JobContext | undefined;
  /** The backend's id for it, once known. */
  serviceJobId: string | undefined;
  /** Resolves when the connector has let go of it, whatever came out. */
  settled: Promise<unknown>;
}

/**
 * A context whose signal also ends with `signal`, and whose `trackServiceJob` lets the caller know the id.
 */
export function contextWith(
  context: JobContext,
  signal: AbortSignal,
  tracked: (serviceJobId: string) => void,
): JobContext {
  return {
    signal,
    attempt: context.attempt,
    logger: context.logger,
    checkpoint: context.checkpoint,
    serviceJobId: context.serviceJobId,
    serviceInstance: context.serviceInstance,
    // Asked for only when it is used: asking makes the folder.
    get workDir() {
      return context.workDir;
    },
    live: context.live,
    saveCheckpoint: (checkpoint) => context.saveCheckpoint(checkpoint),
    async trackServiceJob(serviceJobId, instance) {
      tracked(serviceJobId);
      await context.trackServiceJob(serviceJobId, instance);
    },
    openInput: (reference, pointer) => context.openInput(reference, pointer),
    writeOutput: (content, options) => context.writeOutput(content, options),
  };
}

/**
 * Waits for work that cannot see the signal: rejects with the reason at once on abort, and lets the work run out
 * unheard.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Whether `promise` settles within that time. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = () => true;
  try {
    return await Promise.race([promise.then(inTime, inTime), late]);
  } finally {
    clearTimeout(timer);
  }
}
