import type { InstanceHealthStatus } from '../../../contract/machine-card.ts';

/** What decides where the next job goes. */
export interface Load {
  health: InstanceHealthStatus;
  /** Workflows there, ours and others', by how many it may have at a time: 1 is full. */
  load: number;
  /** Bytes. */
  gpuMemoryFree: number;
  /** Epoch milliseconds; 0: never. */
  lastUsed: number;
}

const RANK: Record<InstanceHealthStatus, number> = { healthy: 0, degraded: 1, unhealthy: 2 };
/** Free memory that differs by less says nothing. Bytes. */
const MEMORY_GRAIN = 256 * 1024 * 1024;

/** The better one first: healthy, least load, most free GPU memory, longest without a job. */
export function byLoad(a: Load, b: Load): number {
  return (
    RANK[a.health] - RANK[b.health] ||
    a.load - b.load ||
    grains(b.gpuMemoryFree) - grains(a.gpuMemoryFree) ||
    a.lastUsed - b.lastUsed
  );
}

function grains(bytes: number): number {
  return Math.floor(bytes / MEMORY_GRAIN);
}
