import { ConfigError } from '../../../platform/config/config-error.ts';
import { planServices } from '../../../workers/machine/services/plan-services.ts';
import type { ServicePaths, ServicePlan } from '../../../workers/machine/services/service-plan.ts';
import { instanceEnvironment } from '../../../workers/pool/assign-work.ts';
import { loadProcess } from '../../../workers/process/load-process.ts';
import { planMachine } from '../../../workers/process/plan-machine.ts';

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
  /** Name of the instance it works with. */
  service?: string;
}

/** Everything that runs on one machine: what `switchyard machine start` would run. */
export interface MachinePlan {
  services: ServicePlan;
  workers: WorkerProcess[];
  /** Where the logs go. */
  logsDir: string;
}

export interface MachinePlanOptions {
  env: NodeJS.ProcessEnv;
  /** Entries of WORKERS; default: the setting. */
  workers?: readonly string[];
  mockGpus?: number;
  /** Folders other than those of this machine, e.g. in a container. */
  paths?: ServicePaths;
}

/** @throws ConfigError when there is nothing to run, or something that cannot run here */
export async function machinePlan(options: MachinePlanOptions): Promise<MachinePlan> {
  const env = {
    ...options.env,
    SWITCHYARD_LOG_LEVEL: 'silent',
    ...(options.mockGpus === undefined ? {} : { SWITCHYARD_MOCK_GPUS: String(options.mockGpus) }),
  };
  const base = await loadProcess('generate', env);
  const { config, catalog } = base;
  const entries = options.workers ?? config.workers;
  if (entries.length === 0) {
    throw new ConfigError('There is nothing to generate', [
      {
        name: 'WORKERS',
        problem: 'does not say what runs on the machine',
        hint: `name workers of the service mapping: --workers ${[...catalog.workers.keys()][0] ?? 'NAME'}:auto`,
      },
    ]);
  }
  const { workers: planned, gpus } = await planMachine(base, entries);
  const paths = options.paths ?? { servicesDir: config.servicesDir, roots: config.serviceRoots };
  const services = planServices({ planned, entries: catalog.workers, gpus, paths });
  return {
    services,
    logsDir: `${config.dataDir}/logs`,
    workers: planned.map((worker) => {
      const beside = services.instances.find((one) => one.service === worker.workerId && one.index === worker.instance);
      return {
        name: worker.name,
        workerId: worker.workerId,
        instance: worker.instance,
        args: ['--instance-of', worker.workerId],
        env: { ...instanceEnvironment(worker, gpus), ...beside?.workerEnv },
        requiredEnv: [...new Set(worker.queues.flatMap(({ route }) => route.required_env ?? []))],
        ...(beside ? { service: beside.name } : {}),
      };
    }),
  };
}
