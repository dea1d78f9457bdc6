import type { GpuFacts, MachineFacts } from '../../contract/machine-facts.ts';

/** Something a machine has run out of. */
export interface Exhaustion {
  what: 'memory' | 'disk' | 'vram';
  /** In words, for the card. */
  message: string;
  /** Of `vram`: the device. */
  gpu?: number;
}

const MB = 1_000_000;
/** Of the whole: below it a machine is exhausted. It has come back with twice as much. */
const LEAST_SHARE = 0.02;
/** More than this is enough on the largest machine. */
const MEMORY_ENOUGH = 512 * MB;
const DISK_ENOUGH = 1_000 * MB;
const VRAM_ENOUGH = 256 * MB;

/**
 * What a machine has run out of, by its facts. With hysteresis: what it lacked before has to be there twice over.
 * @param before what it lacked at the last look
 * @param idle devices whose worker runs no job: only there does full memory mean something
 */
export function exhaustionOf(
  facts: MachineFacts,
  before: readonly Exhaustion[],
  idle: (gpu: GpuFacts) => boolean,
): Exhaustion[] {
  const lacked = (what: Exhaustion['what'], gpu?: number) => before.some((one) => one.what === what && one.gpu === gpu);
  const short = (free: number, total: number, enough: number, again: boolean) =>
    free < Math.min(total * LEAST_SHARE, enough) * (again ? 2 : 1);
  const found: Exhaustion[] = [];
  const { memory, disk, gpus } = facts;
  if (short(memory.available_bytes, memory.total_bytes, MEMORY_ENOUGH, lacked('memory')))
    found.push({ what: 'memory', message: `only ${megabytes(memory.available_bytes)} of memory are left` });
  if (short(disk.free_bytes, disk.total_bytes, DISK_ENOUGH, lacked('disk')))
    found.push({ what: 'disk', message: `only ${megabytes(disk.free_bytes)} are left on the disk of ${disk.path}` });
  for (const gpu of gpus) {
    const { memory_total_bytes: total, memory_used_bytes: used, index } = gpu;
    if (total === null || used === null || !idle(gpu)) continue;
    if (short(total - used, total, VRAM_ENOUGH, lacked('vram', index)))
      found.push({ what: 'vram', gpu: index, message: `the memory of GPU ${index} is full and no job uses it` });
  }
  return found;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MB)} MB`;
}
