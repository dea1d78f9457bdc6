import { startLivePools } from './process/start-live-pools.ts';
import { createOrchestrator } from './orchestrator/create-orchestrator.ts';
import { startHousekeeping } from './orchestrator/housekeeping.ts';
import { startRouting } from './orchestrator/start-routing.ts';
import { beforeTakeOver } from './orchestrator/take-over.ts';
import { isEntryPoint, processIdentity } from './process/identity.ts';
import { announceReady, runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { startApi } from './process/start-api.ts';
import { connectPatiently, installTemporalRuntime } from './process/temporal-runtime.ts';
import { runWorkers } from './process/worker-group.ts';

/**
 * API and orchestrator in one process on one native connection, as under `npm start`: workflows start eagerly, which
 * saves each job a round trip.
 * @returns the exit code once it has been asked to stop
 */
export async function runServerProcess(): Promise<number> {
  const stop = untilAskedToStop();
  const base = await loadProcess('server', process.env);
  const { config, logger, catalog, artifacts } = base;
  installTemporalRuntime(config, logger);
  const connection = await connectPatiently(config, logger, stop);
  if (!connection) return 0;
  const pools = await startLivePools(connection, { config, catalog, logger });
  const routing = startRouting(connection, base, pools);
  await beforeTakeOver(connection, config, logger);
  const worker = await createOrchestrator({
    connection,
    config,
    identity: processIdentity('orchestrator'),
    activities: routing.activities,
  });
  const group = runWorkers([worker], logger);
  const housekeeping = startHousekeeping(artifacts, logger);
  const api = await startApi(base, connection, true, pools, routing.presence);
  announceReady({ url: api.url });
  const why = await Promise.race([stop, group.failed]);
  logger.info({ why: typeof why === 'string' ? why : 'worker failed' }, 'server leaving');
  await api.close();
  group.shutdown();
  const error = await group.failed;
  housekeeping.stop();
  pools.stop();
  routing.stop();
  await connection.close();
  return error === undefined ? 0 : 1;
}

if (isEntryPoint(import.meta.url)) await runMain(runServerProcess);
