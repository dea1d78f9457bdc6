import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { addProcessMetrics } from '../platform/metrics/process-metrics.ts';
import { deploymentVersion } from '../platform/temporal/deployments/version.ts';
import { startLivePools } from './process/start-live-pools.ts';
import { createOrchestrator } from './orchestrator/create-orchestrator.ts';
import { fitNamespace } from './orchestrator/fit-namespace.ts';
import { startHousekeeping } from './orchestrator/housekeeping.ts';
import { startRouting } from './orchestrator/start-routing.ts';
import { beforeTakeOver } from './orchestrator/take-over.ts';
import { startHealthServer } from './process/health-server.ts';
import { isEntryPoint, processIdentity } from './process/identity.ts';
import { announceReady, runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { connectPatiently, installTemporalRuntime } from './process/temporal-runtime.ts';
import { runWorkers } from './process/worker-group.ts';

export interface OrchestratorProcessOptions {
  /** Its build: jobs that begin on it end on it. Default: it takes all jobs that have none. */
  buildId?: string;
  /** Of which deployment. Default: `switchyard-orchestrator`. */
  deployment?: string;
}

/**
 * The orchestrator as a process of its own: runs the workflows and the housekeeping.
 * @returns the exit code once it has been asked to stop
 * @throws ConfigError for a build id that cannot be one
 */
export async function runOrchestratorProcess(options: OrchestratorProcessOptions = {}): Promise<number> {
  const stop = untilAskedToStop();
  const version = options.buildId === undefined ? undefined : deploymentVersion(options.buildId, options.deployment);
  const base = await loadProcess('orchestrator', process.env);
  const { config, logger, catalog, artifacts } = base;
  installTemporalRuntime(config, logger);
  const connection = await connectPatiently(config, logger, stop);
  if (!connection) return 0;
  await fitNamespace(connection, config, logger);
  const pools = await startLivePools(connection, { config, catalog, logger });
  const routing = startRouting(connection, base, pools);
  const identity = processIdentity('orchestrator');
  await beforeTakeOver(connection, config, logger, version);
  const worker = await createOrchestrator({
    connection,
    config,
    identity,
    version,
    activities: routing.activities,
  });
  const group = runWorkers([worker], logger);
  const housekeeping = startHousekeeping(artifacts, logger);
  const metrics = new Registry();
  addProcessMetrics(metrics, 'orchestrator');
  const health = await startHealthServer({
    host: config.healthHost,
    port: config.healthPort,
    logger,
    metrics,
    health: () => ({ healthy: worker.getState() === 'RUNNING', status: worker.getState().toLowerCase() }),
    status: () => ({
      role: 'orchestrator',
      identity,
      ...(version ? { deployment: version.deployment, build_id: version.build } : {}),
      uptime_seconds: Math.round(process.uptime()),
      memory_bytes: process.memoryUsage.rss(),
      workers: group.states(),
    }),
  });
  logger.info({ health_url: health.url, identity }, 'orchestrator ready');
  announceReady({ health_url: health.url, queues: [worker.options.taskQueue] });
  await Promise.race([stop, group.failed]);
  group.shutdown();
  const error = await group.failed;
  housekeeping.stop();
  pools.stop();
  routing.stop();
  await health.close();
  await connection.close();
  return error === undefined ? 0 : 1;
}

if (isEntryPoint(import.meta.url)) {
  const { values } = parseArgs({ options: { 'build-id': { type: 'string' }, deployment: { type: 'string' } } });
  await runMain(() => runOrchestratorProcess({ buildId: values['build-id'], deployment: values.deployment }));
}
