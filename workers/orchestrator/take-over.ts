import type { NativeConnection } from '@temporalio/worker';
import type { Config } from '../../platform/config/settings.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import { currentOrchestrator } from '../../platform/temporal/deployments/read-deployments.ts';
import { type DeploymentVersion, versionText } from '../../platform/temporal/deployments/version.ts';
import { workflowBundlePath } from './create-orchestrator.ts';
import { replayWithin } from './replay-within.ts';

/** Longest time that an orchestrator holds back for the proof. Milliseconds. */
const REPLAY_WAIT = 10_000;
const ANSWER_MS = 5_000;

/**
 * What an orchestrator does before it takes the jobs over: it replays the unfinished ones that are pinned to no build, and
 * says so when the server sends the jobs to others. It holds nothing up for long and never fails.
 */
export async function beforeTakeOver(
  connection: NativeConnection,
  config: Config,
  logger: Logger,
  version?: DeploymentVersion,
): Promise<void> {
  const client = createClient(connection, config.temporalNamespace);
  await replayWithin(REPLAY_WAIT, { client, bundlePath: workflowBundlePath(), dataDir: config.dataDir, logger });
  try {
    const current = await currentOrchestrator(client, ANSWER_MS);
    const note = whoGetsJobs(current, version);
    if (note) logger.warn({ current: current && versionText(current) }, note);
  } catch (error) {
    logger.debug({ err: error }, 'which build has the jobs could not be asked');
  }
}

/** undefined: this one does */
function whoGetsJobs(current: DeploymentVersion | undefined, own: DeploymentVersion | undefined): string | undefined {
  if (own === undefined) {
    return (
      current &&
      `jobs go to build ${current.build} of ${current.deployment}: this orchestrator has no build id and gets none. Start it with --build-id, or run: switchyard deployment current --unset`
    );
  }
  if (current && versionText(current) === versionText(own)) return undefined;
  const holder = current ? `build ${current.build} of ${current.deployment}` : 'orchestrators without a build id';
  return `new jobs go to ${holder}. To send them to this one: switchyard deployment current --set ${own.build}${own.deployment === current?.deployment || !current ? '' : ` --deployment ${own.deployment}`}`;
}
