import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { WorkerEntry } from '../../../platform/catalog/service-mapping.schema.ts';

/** A worker of the mapping that is to run here. */
export interface WantedService {
  /** Key under `workers`. */
  id: string;
  entry: WorkerEntry;
  /** How many instances; default: as many as its binding has room for. */
  instances?: number;
}

export interface ServicePaths {
  /** Where services are installed and keep their files. */
  servicesDir: string;
  /** More folders that a service may be in. */
  roots: readonly string[];
}

/** The place of one instance. */
export interface Slot {
  index: number;
  /** `gpu0`, `gpu0-1`, `0`. */
  suffix: string;
  gpu?: GpuFacts;
  /** Of a binding of the operator's own: its variable and the number of the unit. */
  unit?: Record<string, string>;
}
