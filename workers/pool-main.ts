import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createProcessJob } from '../activities/process-job/process-job.ts';
import { sweepWorkDirs } from '../activities/process-job/work-dir.ts';
import { setConnectorLogger } from '../connectors/index.ts';
import { createInputResolver } from '../platform/inputs/create-input-resolver.ts';
import { ConnectorHost } from './pool/connector-host.ts';
import { createPoolWorkers } from './pool/create-pool-workers.ts';
import { withRequiredEnv } from './pool/required-env.ts';
import { servedRoutes } from './pool/served-routes.ts';
import { startHealthServer } from './process/health-server.ts';
import { isEntryPoint, processIdentity } from './process/identity.ts';
import { announceReady, runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { connectPatiently, installTemporalRuntime } from './process/temporal-runtime.ts';
import { runWorkers } from './process/worker-group.ts';
import { createWorkerMetrics } from './process/worker-metrics.ts';

export interface PoolWorkerProcessOptions {
  pool: string;
  /** Undefined: every capability of the pool whose connector has what it needs. */
  capabilities?: string[];
  /** Jobs at a time and capability, instead of the configured number. */
  maxConcurrent?: number;
  /** First port to try for the health server. */
  healthPort?: number;
}

/**
 * A pool worker as a process: connectors, one Temporal worker per capability queue, health server.
 * @returns the exit code, once the process has been asked to stop and its jobs have finished or moved on
 * @throws ConfigError when it cannot start as asked
 */
export async function runPoolWorkerProcess(options: PoolWorkerProcessOptions): Promise<number> {
  const stop = untilAskedToStop();
  const base = await loadProcess(`worker-${options.pool}`, process.env);
  const { config, logger, catalog, discovered } = base;
  setConnectorLogger(logger);
  const asked = servedRoutes(catalog, options.pool, options.capabilities);
  const routes = await withRequiredEnv(asked, discovered, process.env, logger, options.capabilities !== undefined);
  installTemporalRuntime(config, logger);
  const connection = await connectPatiently(config, logger, stop);
  if (!connection) return 0;

  const identity = processIdentity(`worker/${options.pool}`);
  const connectors = new ConnectorHost(discovered, logger);
  const metrics = createWorkerMetrics({ pool: options.pool });
  const workRoot = join(config.dataDir, 'work');
  await sweepWorkDirs(workRoot, Date.now());
  const processJob = createProcessJob({
    connector: (className) => connectors.get(className),
    artifacts: base.artifacts,
    inputs: createInputResolver({ config, artifacts: base.artifacts }),
    logger,
    workRoot,
    maxOutputBytes: config.maxOutputBytes,
    worker: identity,
    observer: metrics.observer,
  });
  const workers = await createPoolWorkers({
    connection,
    config,
    catalog,
    routes,
    activities: { processJob },
    identity,
    maxConcurrent: options.maxConcurrent,
  });
  const group = runWorkers(workers, logger);
  // Ready before the first job asks; one that cannot start now is tried again by its first job.
  for (const name of new Set(routes.map((route) => route.connector))) {
    connectors.get(name).catch((error: unknown) => logger.warn({ err: error, connector: name }, 'connector not ready'));
  }
  let leaving = false;
  const health = await startHealthServer({
    host: config.healthHost,
    port: options.healthPort ?? config.healthPort,
    logger,
    metrics: metrics.registry,
    health: () => ({
      healthy: !leaving && group.states().every((worker) => worker.state === 'RUNNING'),
      status: leaving ? 'leaving' : 'running',
    }),
    status: () => ({
      role: 'pool-worker',
      pool: options.pool,
      identity,
      uptime_seconds: Math.round(process.uptime()),
      memory_bytes: process.memoryUsage.rss(),
      workers: group.states(),
      connectors: connectors.states(),
    }),
  });
  const queues = group.states().map((worker) => worker.task_queue);
  logger.info({ queues, health_url: health.url, identity }, 'pool worker ready');
  announceReady({ health_url: health.url, queues });

  const why = await Promise.race([stop, group.failed]);
  leaving = true;
  logger.info({ why: typeof why === 'string' ? why : 'worker failed' }, 'pool worker leaving: no new jobs');
  group.shutdown();
  // A connector that ignores its signal must not keep the process: its job is retried elsewhere anyway.
  const overdue = setTimeout(() => process.exit(1), config.shutdownGrace + 5_000);
  const error = await group.failed;
  clearTimeout(overdue);
  await connectors.cleanup();
  await health.close();
  await connection.close();
  logger.info('pool worker stopped');
  return error === undefined ? 0 : 1;
}

if (isEntryPoint(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      pool: { type: 'string' },
      capabilities: { type: 'string' },
      'max-concurrent': { type: 'string' },
      'health-port': { type: 'string' },
    },
  });
  await runMain(() =>
    runPoolWorkerProcess({
      pool: values.pool ?? '',
      capabilities: values.capabilities?.split(',').map((name) => name.trim()),
      maxConcurrent: values['max-concurrent'] === undefined ? undefined : Number(values['max-concurrent']),
      healthPort: values['health-port'] === undefined ? undefined : Number(values['health-port']),
    }),
  );
}
