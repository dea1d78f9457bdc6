import { ConfigError } from '../../platform/config/config-error.ts';
import type { LoadedSite } from '../../platform/config/load-site.ts';
import { hasProgram } from '../../workers/machine/services/plan-services.ts';
import { instanceEnvironment } from '../../workers/pool/assign-work.ts';
import { findMissingEnv, missingProblems } from '../../workers/pool/required-env.ts';
import { loadProcess } from '../../workers/process/load-process.ts';
import { planMachine } from '../../workers/process/plan-machine.ts';
import { configuredPools } from './stack-config.ts';

/** A worker process of the stack. */
export interface StackWorker {
  /** `heavy`; with WORKERS `openai-api-2`. Unique. */
  name: string;
  /** Of `workers/pool-main`. */
  args: string[];
  /** On top of what all processes of the stack get. */
  env: Record<string, string>;
}

/**
 * The workers of a stack: one per pool, or with WORKERS one per instance.
 * @param tell a line for people
 * @throws ConfigError when WORKERS names what cannot run here, with all variables that are missing
 */
export async function stackWorkers(
  { config, envFiles }: LoadedSite,
  env: NodeJS.ProcessEnv,
  tell: (line: string) => void,
): Promise<StackWorker[]> {
  if (config.workers.length === 0) {
    const { fixed } = configuredPools(config.configDir, envFiles.env);
    return fixed.map((pool) => ({ name: pool, args: ['--pool', pool], env: {} }));
  }
  const base = await loadProcess('stack', { ...env, SWITCHYARD_LOG_LEVEL: 'silent' });
  const { workers, gpus } = await planMachine(base, config.workers);
  const routes = workers.flatMap(({ queues }) => queues.map(({ route }) => route));
  const sources = { discovered: base.discovered, env: base.env, folder: base.envFiles.folder };
  const { missing } = await findMissingEnv(routes, sources);
  if (missing.length > 0) {
    throw new ConfigError('WORKERS asks for workers that cannot start', missingProblems(missing, sources.folder));
  }
  for (const workerId of new Set(workers.map((planned) => planned.workerId))) {
    const entry = base.catalog.workers.get(workerId);
    if (entry && hasProgram(entry)) {
      tell(`${workerId}: its program is not started here; switchyard machine start runs both`);
    }
  }
  return workers.map((planned) => ({
    name: planned.name,
    args: ['--instance-of', planned.workerId],
    env: instanceEnvironment(planned, gpus),
  }));
}
