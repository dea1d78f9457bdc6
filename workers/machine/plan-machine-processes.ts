import { ConfigError } from '../../platform/config/config-error.ts';
import { planServices } from './services/plan-services.ts';
import type { ServicePaths, ServicePlan } from './services/service-plan.ts';
import { instanceEnvironment } from '../pool/assign-work.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { planMachine } from '../process/plan-machine.ts';

/** A worker process beside the services of its machine. */
export interface WorkerProcess {
  name: string;
  workerId: string;
  /** Position among the workers of its kind. */
  instance: number;
  /** Of `workers/pool-main`. */
  args: string[];
  /** What its plan sets. */
  env: Record<string, string>;
  /** Names of variables it needs besides; their values are secrets as a rule. */
  requiredEnv: string[];
  taskQueues: string[];
  /** Jobs at a time, over all its queues, as configured. */
  slots: number;
  /** Indices of the devices it is bound to. */
  gpus: number[];
  /** Name of the instance it works with. */
  service?: string;
}

/** Everything that runs on one machine. */
export interface MachinePlan {
  services: ServicePlan;
  workers: WorkerProcess[];
  /** Where the logs go. */
  logsDir: string;
}

/**
 * What a machine runs for WORKERS; nothing was touched.
 * @param entries WORKERS, split at its commas
 * @param paths folders other than those of this machine, e.g. in a container
 * @throws ConfigError when there is nothing to run, or something that cannot run here
 */
export async function planMachineProcesses(
  base: Pick<ProcessBase, 'config' | 'catalog'>,
  entries: readonly string[],
  paths?: ServicePaths,
): Promise<MachinePlan> {
  const { config, catalog } = base;
  if (entries.length === 0) {
    throw new ConfigError('There is nothing to run', [
      {
        name: 'WORKERS',
        problem: 'does not say what runs on the machine',
        hint: `name workers of the service mapping: --workers ${[...catalog.workers.keys()][0] ?? 'NAME'}:auto`,
      },
    ]);
  }
  const { workers: planned, gpus } = await planMachine(base, entries);
  const places = paths ?? { servicesDir: config.servicesDir, roots: config.serviceRoots };
  const services = planServices({ planned, entries: catalog.workers, gpus, paths: places });
  return {
    services,
    logsDir: `${config.dataDir}/logs`,
    workers: planned.map((worker) => {
      const beside = services.instances.find((one) => one.service === worker.workerId && one.index === worker.instance);
      const limits = worker.queues.map(
        ({ route }) => route.max_concurrent_jobs ?? catalog.pools.get(route.pool)?.max_concurrent_jobs ?? 1,
      );
      const env = { ...instanceEnvironment(worker, gpus), ...beside?.workerEnv };
      const bound = worker.device && (worker.binding === 'gpu' || worker.binding === 'mock_gpu');
      return {
        name: worker.name,
        workerId: worker.workerId,
        instance: worker.instance,
        args: ['--instance-of', worker.workerId],
        env,
        requiredEnv: [...new Set(worker.queues.flatMap(({ route }) => route.required_env ?? []))].filter(
          (name) => !(name in env),
        ),
        taskQueues: worker.queues.map(({ taskQueue }) => taskQueue),
        slots: limits.reduce((sum, limit) => sum + limit, 0),
        gpus: bound && worker.device ? [worker.device.index] : [],
        ...(beside ? { service: beside.name } : {}),
      };
    }),
  };
}
