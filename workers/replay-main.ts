import { createClient, lazyConnection } from '../platform/temporal/connection.ts';
import { workflowBundlePath } from './orchestrator/create-orchestrator.ts';
import { replayUnfinished } from './orchestrator/replay-unfinished.ts';
import { isEntryPoint } from './process/identity.ts';
import { runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { installTemporalRuntime } from './process/temporal-runtime.ts';

/** Replays the unfinished jobs under the present workflow code, beside the orchestrator that started this process. */
async function replay(): Promise<number> {
  const stop = untilAskedToStop();
  const { config, logger } = await loadProcess('orchestrator', process.env);
  installTemporalRuntime(config, logger);
  const connection = lazyConnection(config);
  const client = createClient(connection, config.temporalNamespace);
  const done = replayUnfinished({ client, bundlePath: workflowBundlePath(), dataDir: config.dataDir, logger });
  await Promise.race([done, stop]);
  await connection.close();
  return 0;
}

if (isEntryPoint(import.meta.url)) await runMain(replay);
