import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { Need } from '../contract/needs.ts';
import { SCALER_TASK_QUEUE } from '../contract/scaling.ts';
import type { Catalog } from '../platform/catalog/catalog.ts';
import { ConfigError } from '../platform/config/config-error.ts';
import { QueueBacklogs } from '../platform/jobs/queue-backlog.ts';
import { LivePools } from '../platform/pools/live-pools.ts';
import { followNeeds } from '../platform/presence/needs-board.ts';
import { PresenceCache } from '../platform/presence/presence-cache.ts';
import { DailySpending } from '../platform/scaling/daily-spending.ts';
import type { ScalingPolicy } from '../platform/scaling/policy.schema.ts';
import { PoolObserver } from '../platform/scaling/pool-observer.ts';
import { createClient } from '../platform/temporal/connection.ts';
import { startHealthServer } from './process/health-server.ts';
import { isEntryPoint, processIdentity } from './process/identity.ts';
import { announceReady, runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { connectPatiently, installTemporalRuntime } from './process/temporal-runtime.ts';
import { runWorkers } from './process/worker-group.ts';
import { createDrivers } from './scaling/drivers.ts';
import { keepCandidacy } from './scaling/keep-candidacy.ts';
import { createScaleActivity } from './scaling/scale-activity.ts';
import { Scaler } from './scaling/scaler.ts';
import { createScalingMetrics } from './scaling/scaling-metrics.ts';

/** Longest wait for the count of one queue. Milliseconds. */
const BACKLOG_TIMEOUT_MS = 4_000;
/** A process that is not the active scaler for so long lets the workers it has started go. Milliseconds. */
const PASSIVE_MS = 60_000;

/**
 * The scaler as a process: stands for the one right to scale this site, and uses it.
 * @returns the exit code, once it has been asked to stop and the workers it started have left
 * @throws ConfigError when no pool has `scaling`
 */
export async function runScalerProcess(): Promise<number> {
  const stop = untilAskedToStop();
  const base = await loadProcess('scaler', process.env);
  const { config, catalog, logger } = base;
  const pools = scaledPools(catalog);
  const policy = (pool: string) => pools.get(pool)!;
  installTemporalRuntime(config, logger);
  const connection = await connectPatiently(config, logger, stop);
  if (!connection) return 0;

  const client = createClient(connection, config.temporalNamespace);
  const presence = new PresenceCache({
    workflowService: client.workflowService,
    namespace: config.temporalNamespace,
    logger,
    refreshMs: Math.min(2_000, config.scalingInterval),
    staleMs: Math.max(8_000, config.workerHeartbeat * 4),
  });
  presence.start();
  await presence.refresh();
  let needs: readonly Need[] = [];
  const board = followNeeds(client, logger, (list) => {
    needs = list;
  });
  const livePools = new LivePools({ client, pools: catalog.pools, only: new Set(pools.keys()), logger });
  await livePools.start();
  const backlogs = new QueueBacklogs(client, BACKLOG_TIMEOUT_MS);
  const observer = new PoolObserver(catalog, backlogs, presence, () => needs);
  const drivers = createDrivers({
    config,
    policy,
    processes: (pool) => observer.processes(pool),
    env: base.env,
    logger,
    workersDir: dirname(fileURLToPath(import.meta.url)),
  });
  const metrics = createScalingMetrics();
  const scaler = processIdentity('scaler');
  const spendingFile = join(config.dataDir, 'scaling', 'spent-today.json');
  let spending: DailySpending | undefined;
  let letGo: NodeJS.Timeout | undefined;

  const scale = createScaleActivity({
    intervalMs: config.scalingInterval,
    logger,
    begin() {
      clearTimeout(letGo);
      // Read anew: another process may have been the active one in between.
      spending = new DailySpending(spendingFile, Date.now());
      return new Scaler({
        pools,
        observer,
        holdOf: (pool) => {
          const { state } = livePools.control(pool);
          return state === 'active' ? undefined : state;
        },
        driverOf: (pool) => drivers.of(policy(pool).driver),
        spending,
        scaler,
        intervalMs: config.scalingInterval,
        logger,
      });
    },
    ticked: metrics.ticked,
    ended() {
      saveQuietly(spending);
      spending = undefined;
      letGo = setTimeout(() => {
        const reason = 'another scaler is the active one';
        for (const pool of pools.keys()) {
          if (policy(pool).driver === 'local') drivers.of('local').order({ pool, workers: 0, reason });
        }
      }, PASSIVE_MS);
    },
  });
  const worker = await Worker.create({
    connection,
    namespace: config.temporalNamespace,
    taskQueue: SCALER_TASK_QUEUE,
    identity: scaler,
    activities: { scale },
    maxConcurrentActivityTaskExecutions: 1,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    maxHeartbeatThrottleInterval: 1_000,
    defaultHeartbeatThrottleInterval: 1_000,
    shutdownGraceTime: 0,
  });
  const group = runWorkers([worker], logger);
  const candidacy = keepCandidacy(client, () => spending !== undefined, logger);
  const health = await startHealthServer({
    host: config.healthHost,
    port: config.healthPort,
    logger,
    metrics: metrics.registry,
    health: () => ({ healthy: worker.getState() === 'RUNNING', status: spending ? 'active' : 'standby' }),
    status: () => ({ role: 'scaler', identity: scaler, active: spending !== undefined, pools: [...pools.keys()] }),
  });
  logger.info({ pools: [...pools.keys()], health_url: health.url, identity: scaler }, 'scaler ready');
  announceReady({ health_url: health.url, pools: [...pools.keys()] });

  const why = await Promise.race([stop, group.failed]);
  logger.info({ why: typeof why === 'string' ? why : 'worker failed' }, 'scaler leaving');
  candidacy.stop();
  group.shutdown();
  const error = await group.failed;
  clearTimeout(letGo);
  await drivers.close();
  presence.stop();
  livePools.stop();
  await board.stop();
  await health.close();
  await connection.close();
  logger.info('scaler stopped');
  return error === undefined ? 0 : 1;
}

/** @throws ConfigError when there is none */
function scaledPools(catalog: Catalog): Map<string, ScalingPolicy> {
  const pools = new Map([...catalog.pools].flatMap(([name, { scaling }]) => (scaling ? [[name, scaling]] : [])));
  if (pools.size > 0) return pools;
  const [first = 'standard'] = catalog.pools.keys();
  throw new ConfigError('The scaler has nothing to do', [
    {
      name: 'pools.json',
      problem: 'has no pool with "scaling"',
      hint: `give one a policy, e.g. "${first}": {"scaling": {"min_workers": 0, "max_workers": 4}}; docs/scaling.md tells more`,
    },
  ]);
}

function saveQuietly(spending: DailySpending | undefined): void {
  try {
    spending?.save(Date.now(), true);
  } catch {
    // A disk that takes nothing has been complained of at every tick.
  }
}

if (isEntryPoint(import.meta.url)) await runMain(runScalerProcess);
