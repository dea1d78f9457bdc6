import type { GpuFacts } from '../../contract/machine-facts.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';

/** What planning needs to know of a machine; the facts that detection finds have it. */
export interface PlanFacts {
  gpus: readonly Pick<GpuFacts, 'index' | 'vendor'>[];
  /** Units of the mapping's own bindings that this machine has, where it differs from the mapping. */
  units?: Readonly<Record<string, number>>;
  /** Pools it works for. Left out: all that a worker's entry names. */
  pools?: readonly string[];
}

/**
 * Reads SWITCHYARD_RESOURCES: `licence:2,tpu:1`.
 * @throws ConfigError naming every bad entry
 */
export function parseUnits(entries: readonly string[]): Record<string, number> {
  const problems: ConfigProblem[] = [];
  const units: Record<string, number> = {};
  for (const entry of entries) {
    const [, name, number] = /^([^:\s]+)\s*:\s*(\d+)$/.exec(entry) ?? [];
    if (name === undefined) {
      problems.push({ name: 'SWITCHYARD_RESOURCES', problem: `"${entry}" is not name:number`, hint: 'e.g. licence:2' });
    } else units[name] = Number(number);
  }
  if (problems.length > 0) throw new ConfigError('The configuration is not valid', problems);
  return units;
}
