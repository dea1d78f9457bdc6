import { join } from 'node:path';
import type { Config } from '../../platform/config/settings.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { launchNode } from '../../platform/processes/node-process.ts';
import { openRotatingLog, type RotatingLog } from '../../platform/processes/rotating-log.ts';
import { projectRoot } from '../../platform/project-root.ts';
import type { PresentProcess } from '../../platform/scaling/pool-observer.ts';
import type { ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import type { ScalingDriver } from './driver.ts';
import { LocalDriver } from './local-driver.ts';
import { PassingDriver } from './passing-driver.ts';
import { sendToCompose } from './send-compose.ts';
import { sendToWebhook } from './send-webhook.ts';

export interface DriverOptions {
  config: Config;
  policy: (pool: string) => ScalingPolicy;
  processes: (pool: string) => readonly PresentProcess[];
  env: NodeJS.ProcessEnv;
  logger: Logger;
  /** Folder of the built processes. */
  workersDir: string;
}

export interface Drivers {
  of(name: ScalingPolicy['driver']): ScalingDriver;
  close(): Promise<void>;
}

/** Somebody else decides; here it is only watched, for the status and the alerts. */
const WATCHED: ScalingDriver = {
  own: () => undefined,
  awaited: () => 0,
  order: () => {},
  problem: () => undefined,
  close: async () => {},
};

/** The drivers of a process, each made when the first pool asks for it. */
export function createDrivers(options: DriverOptions): Drivers {
  const { policy, env, logger } = options;
  const made = new Map<string, ScalingDriver>();
  const logs = new Map<string, RotatingLog>();
  const startupMs = (pool: string) => policy(pool).startup_seconds * 1_000;

  function make(name: ScalingPolicy['driver']): ScalingDriver {
    switch (name) {
      case 'local':
        return new LocalDriver({
          launch: (pool, worker) => launchWorker(options, logs, pool, worker),
          drainMs: (pool) => policy(pool).drain_seconds * 1_000,
          graceMs: options.config.shutdownGrace,
          processes: options.processes,
          logger,
        });
      case 'compose':
        return new PassingDriver({ send: sendToCompose({ policy, env, cwd: projectRoot() }), startupMs, logger });
      case 'webhook':
        return new PassingDriver({ send: sendToWebhook({ policy, env }), startupMs, logger });
      case 'kubernetes':
        // KEDA has the same queues and limits from the generated manifest; two hands on one Deployment would fight.
        return WATCHED;
      default:
        return name satisfies never;
    }
  }

  return {
    of(name) {
      const driver = made.get(name) ?? make(name);
      made.set(name, driver);
      return driver;
    },
    async close() {
      await Promise.all([...made.values()].map((driver) => driver.close()));
      for (const log of logs.values()) log.close();
    },
  };
}

function launchWorker(
  { config, env, logger, workersDir }: DriverOptions,
  logs: Map<string, RotatingLog>,
  pool: string,
  worker: string,
) {
  const log = logs.get(worker) ?? openRotatingLog(join(config.dataDir, 'logs', `scaled-${worker}.log`));
  logs.set(worker, log);
  return launchNode({
    name: `scaled-${worker}`,
    module: join(workersDir, 'pool-main.js'),
    args: ['--pool', pool],
    // All that the pool can do: a choice in WORKERS is for the processes that are started by hand.
    env: { ...env, WORKERS: '' },
    cwd: process.cwd(),
    log,
    show: (line) => logger.warn({ worker }, line),
  });
}
