import type { GpuFacts } from '../../contract/machine-facts.ts';

/** What one look at the devices of one kind gave. */
export interface GpuReading {
  gpus: GpuFacts[];
  /** Sentences for people, each with what to do. */
  problems: string[];
}
