import { planWorkers, type PlannedWorker } from '../../platform/machine/plan-workers.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { parseUnits } from '../../platform/machine/plan-facts.ts';
import { parseSelection } from '../../platform/machine/worker-selection.ts';
import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { ProcessBase } from './load-process.ts';

/** The worker processes that WORKERS asks for, and the GPUs they are bound to. */
export interface PlannedMachine {
  workers: PlannedWorker[];
  /** Empty when no worker needs one: they are looked for only then. */
  gpus: readonly GpuFacts[];
}

/**
 * What this machine runs for WORKERS.
 * @param entries WORKERS, split at its commas
 * @param pools the pools it works for. Default: all that the workers name
 * @throws ConfigError when the entries are no good, or ask for more than the machine has
 */
export async function planMachine(
  { config, catalog }: Pick<ProcessBase, 'config' | 'catalog'>,
  entries: readonly string[],
  pools?: readonly string[],
): Promise<PlannedMachine> {
  const selection = parseSelection(entries, catalog.workers.keys());
  const bound = selection.some(({ workerId }) =>
    ['gpu', 'mock_gpu'].includes(catalog.workers.get(workerId)?.resource_binding ?? ''),
  );
  const { gpus } = bound
    ? await detectMachine({ dataDir: config.dataDir, mockGpus: config.mockGpus })
    : { gpus: [] as GpuFacts[] };
  const facts = { gpus, units: parseUnits(config.resources), ...(pools ? { pools } : {}) };
  return { workers: planWorkers(catalog, selection, facts), gpus };
}
