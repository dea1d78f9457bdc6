import type { Requirements } from '../../contract/job.schema.ts';
import type { CatalogRoute } from '../catalog/catalog.ts';
import type { Pool } from '../catalog/pools.schema.ts';

/** A GPU machine can do what a CPU machine can, and that what a machine for remote APIs can. */
const MACHINE_RANK = { api: 0, cpu: 1, gpu: 2 } as const;

/**
 * What a route lacks of a job's requirements, in words; empty when it fits.
 */
export function unmetRequirements(requirements: Requirements, route: CatalogRoute, pool: Pool): string[] {
  const { offers } = pool;
  const unmet: string[] = [];
  const { machine_type, gpu_count, gpu_memory_mb, connector, model } = requirements;
  if (machine_type && MACHINE_RANK[offers.machine_type] < MACHINE_RANK[machine_type]) {
    unmet.push(`machine_type ${machine_type} (pool ${route.pool} offers ${offers.machine_type})`);
  }
  if (gpu_count !== undefined && offers.gpu_count < gpu_count) {
    unmet.push(`gpu_count ${gpu_count} (pool ${route.pool} offers ${offers.gpu_count})`);
  }
  if (gpu_memory_mb !== undefined && offers.gpu_memory_mb < gpu_memory_mb) {
    unmet.push(`gpu_memory_mb ${gpu_memory_mb} (pool ${route.pool} offers ${offers.gpu_memory_mb})`);
  }
  if (connector !== undefined && route.connector !== connector) {
    unmet.push(`connector ${connector} (pool ${route.pool} has ${route.connector})`);
  }
  const models = route.models ?? offers.models;
  if (model !== undefined && models !== undefined && !models.includes(model)) {
    unmet.push(`model ${model} (pool ${route.pool} has ${models.join(', ') || 'none'})`);
  }
  return unmet;
}
