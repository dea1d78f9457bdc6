import type { ServicePaths } from '../../../workers/machine/services/service-plan.ts';
import { type MachinePlan, planMachineProcesses } from '../../../workers/machine/plan-machine-processes.ts';
import { loadProcess } from '../../../workers/process/load-process.ts';

export interface MachinePlanOptions {
  env: NodeJS.ProcessEnv;
  /** Entries of WORKERS; default: the setting. */
  workers?: readonly string[];
  mockGpus?: number;
  /** Folders other than those of this machine, e.g. in a container. */
  paths?: ServicePaths;
}

/**
 * What `switchyard machine start` would run here.
 * @throws ConfigError when there is nothing to run, or something that cannot run here
 */
export async function machinePlan(options: MachinePlanOptions): Promise<MachinePlan> {
  const env = {
    ...options.env,
    SWITCHYARD_LOG_LEVEL: 'silent',
    ...(options.mockGpus === undefined ? {} : { SWITCHYARD_MOCK_GPUS: String(options.mockGpus) }),
  };
  const base = await loadProcess('generate', env);
  return planMachineProcesses(base, options.workers ?? base.config.workers, options.paths);
}
