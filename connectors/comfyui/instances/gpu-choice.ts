import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';

export type GpuChoice =
  /** `gpu` is undefined for an instance that works on the processor. */
  | { gpu: GpuFacts | undefined }
  /** There is no such device. */
  | { problem: string; hint: string };

/**
 * The device an instance is bound to. Without a wish: the variable `CUDA_VISIBLE_DEVICES` of its own, else as `auto`.
 * @param others instances that have a device already; `auto` takes the device with the fewest, then the most free memory
 */
export function chooseGpu(
  config: InstanceConfig,
  gpus: readonly GpuFacts[],
  others: readonly (GpuFacts | undefined)[],
): GpuChoice {
  const { gpuDevice = 'auto', envVars } = config;
  const wish = gpuDevice === 'auto' ? (envVars?.['CUDA_VISIBLE_DEVICES'] ?? 'auto') : gpuDevice;
  if (wish === 'cpu' || wish === '-1' || wish === '') return { gpu: undefined };
  if (wish === 'auto')
    return { gpu: gpus.toSorted((a, b) => taken(a, others) - taken(b, others) || free(b) - free(a))[0] };
  const found = wish === 'mps' ? gpus.find(({ vendor }) => vendor === 'apple') : byName(wish, gpus);
  if (found) return { gpu: found };
  const present = gpus.map(({ index, name }) => `${index} (${name})`).join(', ');
  return {
    problem: `names a GPU that is not there: ${wish}`,
    hint: present ? `there are ${present}` : 'this machine has none: leave it out, or say cpu',
  };
}

function byName(wish: string, gpus: readonly GpuFacts[]): GpuFacts | undefined {
  const number = /^(?:cuda|rocm|hip|gpu)?:?(\d+)$/.exec(wish)?.[1];
  if (number !== undefined) return gpus.find(({ index }) => index === Number(number));
  return gpus.find(({ uuid, device }) => uuid === wish || device === wish);
}

function taken(gpu: GpuFacts, others: readonly (GpuFacts | undefined)[]): number {
  return others.filter((other) => other?.index === gpu.index).length;
}

function free({ memory_total_bytes: total, memory_used_bytes: used }: GpuFacts): number {
  return (total ?? 0) - (used ?? 0);
}
