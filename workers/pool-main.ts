import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createProcessJob } from '../activities/process-job/process-job.ts';
import { setConnectorLogger } from '../connectors/index.ts';
import { taskQueueOf } from '../contract/task-queues.ts';
import { prepareDataDir } from '../platform/config/data-dir.ts';
import { createInputResolver } from '../platform/inputs/create-input-resolver.ts';
import { createClient } from '../platform/temporal/connection.ts';
import { parseDeclaredFacts } from '../platform/routing/declared-facts.ts';
import { createRedactor } from '../platform/logging/create-redactor.ts';
import { knownSecrets } from '../platform/logging/known-secrets.ts';
import { type AskedWork, assignWork } from './pool/assign-work.ts';
import { ConnectorHost } from './pool/connector-host.ts';
import { createPlugins } from './pool/create-plugins.ts';
import { createPoolWorkers, derivedWorkers } from './pool/create-pool-workers.ts';
import { followPools } from './pool/follow-pools.ts';
import { keepQueues } from './pool/keep-queues.ts';
import { keepWorkDirs } from './pool/keep-work-dirs.ts';
import { onePerQueue } from './pool/one-per-queue.ts';
import { PoolSlots } from './pool/pool-slots.ts';
import { lackingSubjects, servedSubjects } from './pool/report-subjects.ts';
import { findMissingEnv, withRequiredEnv } from './pool/required-env.ts';
import { Departure } from './process/departure.ts';
import { watchBackends } from './pool/watch-backends.ts';
import { startHealthServer } from './process/health-server.ts';
import { isEntryPoint, processIdentity } from './process/identity.ts';
import { announceReady, onAskedToStop, onToldToDrain, runMain } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { startLiveSource } from './process/start-live.ts';
import { connectPatiently, installTemporalRuntime } from './process/temporal-runtime.ts';
import { runWorkers } from './process/worker-group.ts';
import { createWorkerMetrics } from './process/worker-metrics.ts';

export interface PoolWorkerProcessOptions extends AskedWork {
  /** Jobs at a time and capability, instead of the configured number. */
  maxConcurrent?: number;
  /** First port to try for the health server. */
  healthPort?: number;
}

/** Longer than any job. The SDK's own grace time is fixed when a worker is made; ours can be shortened. Milliseconds. */
const NO_HURRY_MS = 30 * 86_400_000;

/**
 * A pool worker as a process: connectors, one Temporal worker per capability queue, health server.
 * @returns the exit code, once the process has been asked to stop and its jobs have finished or moved on
 * @throws ConfigError when it cannot start as asked
 */
export async function runPoolWorkerProcess(options: PoolWorkerProcessOptions): Promise<number> {
  const departure = new Departure();
  let grace = 0;
  listenForRequests(departure, () => grace);
  const label = options.pool ?? options.instanceOf ?? 'machine';
  const base = await loadProcess(`worker-${label}`, process.env);
  const { config, catalog, discovered } = base;
  prepareDataDir(config.dataDir);
  grace = config.shutdownGrace;
  const asked = { ...options, workers: options.workers ?? config.workers };
  const assignment = await assignWork(base, asked);
  // Connectors look for their settings in the environment of the process.
  Object.assign(process.env, base.env, assignment.env);
  const identity = processIdentity(`worker/${process.env['WORKER_ID'] ?? assignment.name}`);
  const who = { machine_id: process.env['MACHINE_ID'] ?? hostname(), worker_id: process.env['WORKER_ID'] ?? identity };
  const logger = base.logger.child(who);
  setConnectorLogger(logger);
  const plugins = await createPlugins(base, process.env);
  const sources = { discovered, env: process.env, folder: base.envFiles.folder };
  const usable = await withRequiredEnv(assignment.routes, sources, logger, assignment.strict);
  const routes = onePerQueue(usable);
  const declared = parseDeclaredFacts(config.workerFacts);
  installTemporalRuntime(config, logger);
  const connection = await connectPatiently(config, logger, departure.begun);
  if (!connection) return 0;

  const connectors = new ConnectorHost(discovered, logger, plugins);
  const metrics = createWorkerMetrics(() => slots.limits());
  const workRoot = join(config.dataDir, 'work');
  const live = startLiveSource(config, logger);
  const processJob = createProcessJob({
    connector: (className, task) => {
      kept.begun(task);
      return connectors.forTask(className, task, usable);
    },
    artifacts: base.artifacts,
    inputs: createInputResolver({ config, artifacts: base.artifacts }),
    plugins,
    logger,
    workRoot,
    maxOutputBytes: config.maxOutputBytes,
    worker: identity,
    observer: {
      started: (start) => metrics.observer.started(start),
      ended: (start, end) => {
        metrics.observer.ended(start, end);
        backends.noteEnd(start, end.outcome);
      },
    },
    live: live.source,
    handOver: departure.handOver,
  });
  const slots = new PoolSlots();
  const poolWorkers = {
    connection,
    config,
    catalog,
    routes,
    activities: { processJob },
    identity,
    maxConcurrent: options.maxConcurrent,
    slots,
    graceMs: NO_HURRY_MS,
  };
  const workers = await createPoolWorkers(poolWorkers);
  const client = createClient(connection, config.temporalNamespace);
  const workDirs = keepWorkDirs({ root: workRoot, client, logger });
  const pools = await followPools({ client, pools: catalog.pools, slots, logger });
  const { missing } = await findMissingEnv(assignment.routes, sources);
  const backends = watchBackends({
    worker: identity,
    served: servedSubjects(routes, connectors, slots.limits()),
    missing: lackingSubjects(assignment.routes, routes, missing),
    slots,
    live: live.source,
    hide: createRedactor(knownSecrets(process.env)),
    logger,
  });
  const group = runWorkers(workers, logger);
  const kept = keepQueues({
    ...{ client, config, catalog, routes: usable, declared, connectors, group, env: process.env, logger },
    create: derivedWorkers(poolWorkers),
    slotsOf: ({ pool, capability }) => slots.of(taskQueueOf(pool, capability)).slots,
    opened: (pool, taskQueue) => pools.opened(pool, taskQueue),
  });
  const health = await startHealthServer({
    host: config.healthHost,
    port: options.healthPort ?? config.healthPort,
    logger,
    metrics: metrics.registry,
    health: () => ({
      healthy: !departure.state && group.states().every((worker) => worker.state === 'RUNNING'),
      status: departure.state ? 'leaving' : 'running',
      ...departure.state,
    }),
    status: () => ({
      role: 'pool-worker',
      pool: label,
      identity,
      ...(departure.state ? { leaving: departure.state } : {}),
      uptime_seconds: Math.round(process.uptime()),
      memory_bytes: process.memoryUsage.rss(),
      workers: group.states(),
      connectors: connectors.states(),
      closed_queues: backends.closed(),
      plugins: plugins?.names ?? [],
    }),
    drain: (graceMs = config.drainGrace) => ({
      identity,
      ...departure.ask('drained', graceMs),
      active_jobs: sum(group.states().map((worker) => worker.active_jobs)),
    }),
  });
  const queues = group.states().map((worker) => worker.task_queue);
  logger.info({ queues, health_url: health.url, identity }, 'pool worker ready');
  announceReady({ health_url: health.url, queues });

  void group.failed.then(() => departure.ask('worker failed', config.shutdownGrace));
  logger.info({ why: await departure.begun, ...departure.state }, 'pool worker leaving: no new jobs');
  const queuesKept = kept.stop();
  group.shutdown();
  const error = await group.failed;
  departure.dispose();
  backends.stop();
  pools.stop();
  workDirs.stop();
  await queuesKept;
  await connectors.cleanup();
  await live.close();
  await health.close();
  await connection.close();
  logger.info('pool worker stopped');
  return error === undefined ? 0 : 1;
}

/** The first signal lets jobs go on for the usual grace time, the second hands them over, a third ends the process. */
function listenForRequests(departure: Departure, grace: () => number): void {
  onAskedToStop((why, signals) => {
    if (signals > 2) process.exit(130);
    departure.ask(why, signals > 1 ? 0 : grace());
  });
  onToldToDrain((graceMs = Number.POSITIVE_INFINITY) => departure.ask('drained', graceMs));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function names(list: string | undefined): string[] | undefined {
  return list?.split(',').map((name) => name.trim());
}

if (isEntryPoint(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      pool: { type: 'string' },
      capabilities: { type: 'string' },
      workers: { type: 'string' },
      'instance-of': { type: 'string' },
      'max-concurrent': { type: 'string' },
      'health-port': { type: 'string' },
    },
  });
  await runMain(() =>
    runPoolWorkerProcess({
      pool: values.pool,
      capabilities: names(values.capabilities),
      workers: names(values.workers),
      instanceOf: values['instance-of'],
      maxConcurrent: values['max-concurrent'] === undefined ? undefined : Number(values['max-concurrent']),
      healthPort: values['health-port'] === undefined ? undefined : Number(values['health-port']),
    }),
  );
}
