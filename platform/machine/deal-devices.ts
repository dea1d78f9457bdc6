import type { ResourceBinding, WorkerEntry } from '../catalog/service-mapping.schema.ts';
import type { ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';
import type { PlanFacts } from './plan-facts.ts';
import { shareDevices } from './share-devices.ts';

/** What an instance has for itself. */
export interface Device {
  /** The binding: `gpu`, `mock_gpu` or a name of the mapping's own. */
  binding: string;
  /** Of a GPU its position on the machine, of another resource the number of the unit, from 0. */
  index: number;
}

interface Wanted {
  workerId: string;
  count: number | 'auto';
  entry: WorkerEntry;
}

const GPU_HINTS: Record<string, string> = {
  gpu: 'ask for fewer, raise service_instances_per_gpu, run it where there are more, or pretend: SWITCHYARD_MOCK_GPUS=1',
  mock_gpu: 'ask for fewer, or pretend more: SWITCHYARD_MOCK_GPUS=2',
};

/**
 * Devices of every instance, by worker; workers bound to nothing of their own (`shared`, `cpu`) are left out. A pretended
 * GPU serves `mock_gpu` and `gpu` alike, a real one `gpu` alone.
 */
export function dealDevices(
  wanted: readonly Wanted[],
  bindings: ReadonlyMap<string, ResourceBinding>,
  facts: PlanFacts,
  problems: ConfigProblem[],
): Map<string, Device[]> {
  const dealt = new Map<string, Device[]>();
  const deal = (binding: string, present: readonly number[]): number[] => {
    const bound = wanted.filter(({ entry }) => entry.resource_binding === binding);
    const claims = bound.map(({ count, entry }) => ({ count, perDevice: entry.service_instances_per_gpu ?? 1 }));
    const shares = shareDevices(claims, present);
    if (!Array.isArray(shares)) {
      problems.push({
        name: `WORKERS, "${bound.map(({ workerId, count }) => `${workerId}:${count}`).join(',')}"`,
        problem: `needs ${shares.needed} of "${binding}", which is for one worker at a time; this machine has ${shares.present}`,
        hint:
          GPU_HINTS[binding] ??
          `ask for fewer, or say how many there are: SWITCHYARD_RESOURCES=${binding}:${shares.needed}`,
      });
      for (const { workerId } of bound) dealt.set(workerId, []);
      return [];
    }
    bound.forEach(({ workerId }, at) =>
      dealt.set(
        workerId,
        shares[at]!.map((index) => ({ binding, index })),
      ),
    );
    return shares.flat();
  };
  const pretended = facts.gpus.filter(({ vendor }) => vendor === 'mock').map(({ index }) => index);
  // The pickier claim comes first.
  const taken = new Set(deal('mock_gpu', pretended));
  deal(
    'gpu',
    facts.gpus.map(({ index }) => index).filter((index) => !taken.has(index)),
  );
  const units = facts.units ?? {};
  for (const [name, binding] of bindings) deal(name, [...Array(units[name] ?? binding.units).keys()]);
  for (const name of Object.keys(units).filter((each) => !bindings.has(each))) {
    problems.push({
      name: 'SWITCHYARD_RESOURCES',
      problem: `there is no "${name}" under resource_bindings of the service mapping`,
      hint: meant(name, [...bindings.keys()]),
    });
  }
  return dealt;
}
