import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import type { WorkerFacts } from './worker-facts.ts';

/** What an operator says of a worker where nothing can find it out. */
export interface DeclaredFacts extends Partial<Pick<WorkerFacts, 'machine_type' | 'models'>> {
  gpu_count?: number;
  /** Of each GPU, MiB. */
  gpu_memory_mb?: number;
}

/** The facts that were found, with what was declared in their place. */
export function withDeclared(found: WorkerFacts, declared: DeclaredFacts): WorkerFacts {
  const { gpu_count = found.gpus.length, gpu_memory_mb, ...rest } = declared;
  const gpus = Array.from({ length: gpu_count }, (_, index) => gpu_memory_mb ?? found.gpus[index] ?? 0);
  return { ...found, ...rest, gpus };
}

/**
 * Reads SWITCHYARD_WORKER_FACTS: `gpu_count:2`, `gpu_memory_mb:24576`, `machine_type:gpu`, `model:NAME`.
 * @throws ConfigError naming every bad entry
 */
export function parseDeclaredFacts(entries: readonly string[]): DeclaredFacts {
  const facts: DeclaredFacts = {};
  const models: string[] = [];
  const problems: ConfigProblem[] = [];
  for (const entry of entries) {
    const colon = entry.indexOf(':');
    const [name, value] = [entry.slice(0, Math.max(0, colon)).trim(), entry.slice(colon + 1).trim()];
    if ((name === 'gpu_count' || name === 'gpu_memory_mb') && /^\d{1,9}$/.test(value)) facts[name] = Number(value);
    else if (name === 'machine_type' && (value === 'gpu' || value === 'cpu' || value === 'api')) facts[name] = value;
    else if (name === 'model' && value !== '') models.push(value);
    else
      problems.push({
        name: 'SWITCHYARD_WORKER_FACTS',
        problem: `"${entry}" is no fact`,
        hint: 'e.g. gpu_count:2, gpu_memory_mb:24576, machine_type:gpu, model:sdxl',
      });
  }
  if (problems.length > 0) throw new ConfigError('SWITCHYARD_WORKER_FACTS is not valid', problems);
  return models.length > 0 ? { ...facts, models } : facts;
}
