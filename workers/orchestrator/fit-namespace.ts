import type { NativeConnection } from '@temporalio/worker';
import type { Config } from '../../platform/config/settings.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { prepareNamespace } from '../../platform/temporal/namespace-setup.ts';

/**
 * Adds what the namespace lacks for jobs, where that is allowed: a Temporal that somebody else runs knows nothing of us.
 * What cannot be added is logged with the commands that do; until then jobs are refused.
 */
export async function fitNamespace(
  connection: NativeConnection,
  { temporalNamespace: namespace }: Pick<Config, 'temporalNamespace'>,
  logger: Logger,
): Promise<void> {
  try {
    const { changes, warnings } = await prepareNamespace(connection, { namespace });
    for (const change of changes) logger.info({ namespace }, change);
    for (const warning of warnings) logger.warn({ namespace }, warning);
  } catch (error) {
    logger.error({ err: error, namespace }, (error as Error).message);
  }
}
