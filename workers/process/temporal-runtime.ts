import { DefaultLogger, Runtime, type LogMetadata, type NativeConnection } from '@temporalio/worker';
import { isErrorCode } from '../../contract/errors.ts';
import type { Config } from '../../platform/config/settings.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { nativeConnection } from '../../platform/temporal/connection.ts';

/** Longest pause between two tries to reach Temporal at start. Milliseconds. */
const MAX_PAUSE = 5_000;

/** What the SDK remarks about every activity-only worker: ours are so on purpose. */
const EXPECTED = new Set([
  'No workflows registered, not polling for workflow tasks',
  'No activities registered, not polling for activity tasks',
  'No Nexus services registered, not polling for Nexus tasks',
]);

/**
 * Sets up the SDK's one runtime of this process: its log lines go to ours, its workers say often that they are there,
 * and signals are left to us, so that things stop in order.
 */
export function installTemporalRuntime(config: Config, logger: Logger): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => {
      if (EXPECTED.has(entry.message) || isHandOver(entry.meta)) return;
      const level = entry.level === 'WARN' ? 'warn' : entry.level === 'ERROR' ? 'error' : 'debug';
      logger[level](serializable(entry.meta), `temporal: ${entry.message}`);
    }),
    workerHeartbeatInterval: Math.min(60_000, Math.max(1_000, config.workerHeartbeat)),
    shutdownSignals: [],
  });
}

/**
 * The end of a failed job has been logged with its context; here only its code is told. The error's text may quote the
 * payload, which nobody takes out of it at this place.
 */
function serializable(meta: LogMetadata | undefined): Record<string, unknown> {
  const { error, ...rest } = (meta ?? {}) as Record<string, unknown>;
  if (error === undefined) return rest;
  return endsJob(error) ? { ...rest, code: failureCodeOf(error) } : { ...rest, err: error };
}

/** A worker that leaves hands its jobs on in this way, and has said so for each of them. */
function isHandOver(meta: LogMetadata | undefined): boolean {
  const { error } = (meta ?? {}) as { error?: { type?: unknown } };
  return error?.type === 'WorkerShutdown';
}

/** Any other error is a fault that needs its text. Errors of the sandbox come as copies: only the stack has the name. */
function endsJob(error: unknown): boolean {
  const { name, stack } = (error ?? {}) as Partial<Error>;
  return /^(?:Application|Activity|Timeout|Cancelled)Failure\b/.test(name === 'Error' ? (stack ?? '') : (name ?? ''));
}

function failureCodeOf(error: unknown): string | undefined {
  const { type } = error as { type?: unknown };
  return isErrorCode(type) ? type : undefined;
}

/** Connects, waiting for a Temporal that is not there yet. Gives up only when asked to stop. */
export async function connectPatiently(
  config: Config,
  logger: Logger,
  stop: Promise<unknown>,
): Promise<NativeConnection | undefined> {
  let stopped = false;
  void stop.then(() => {
    stopped = true;
  });
  for (let pause = 250; !stopped; pause = Math.min(pause * 2, MAX_PAUSE)) {
    try {
      return await nativeConnection(config);
    } catch (error) {
      const address = config.temporalAddress ?? 'the default address';
      logger.warn({ err: error }, `Temporal at ${address} cannot be reached, trying again`);
      await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, pause))]);
    }
  }
  return undefined;
}
