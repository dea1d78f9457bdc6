import type { NeedTerms } from '../../contract/needs.ts';
import { modelKey } from './need-of.ts';

/** What one worker has, for one of the services it works for. */
export interface WorkerFacts {
  machine_type: 'gpu' | 'cpu' | 'api';
  /** Memory of each of its GPUs, MiB. 0: unknown. */
  gpus: readonly number[];
  /** Class of its connector. */
  connector: string;
  /** Undefined: nobody can say, so that a job that names a model is taken at its word. */
  models?: readonly string[];
}

/** What a worker lacks of a job's needs, in words; empty when it meets them all. */
export function lackingFacts(terms: NeedTerms, facts: WorkerFacts): string[] {
  const { machine_type, gpu_count = 0, gpu_memory_mb = 0, connector, model } = terms;
  const lacks: string[] = [];
  if (machine_type === 'cpu' && facts.machine_type === 'api') lacks.push('works for services elsewhere');
  const able = facts.gpus.filter((memory) => memory >= gpu_memory_mb).length;
  if (able < gpu_count) lacks.push(`has ${able} of ${gpu_count} such GPUs`);
  if (connector !== undefined && connector !== facts.connector) lacks.push(`has ${facts.connector}`);
  if (model !== undefined && facts.models && !hasModel(facts.models, model)) lacks.push(`has no model ${model}`);
  return lacks;
}

export function hasModel(models: readonly string[], model: string): boolean {
  const key = modelKey(model);
  return models.some((name) => modelKey(name) === key);
}
