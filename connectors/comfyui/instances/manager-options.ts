import type { InstanceAlert } from '../../../contract/instance.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import type { InstanceProcesses } from './processes.ts';
import type { InstanceTiming } from './timing.ts';

/** Something that whoever shows instances wants to know of. */
export type InstanceEvent =
  /** State, health, load or configuration of an instance is different; or it is gone. */
  { type: 'changed'; instanceId: string } | { type: 'alert'; alert: InstanceAlert };

export interface InstanceManagerOptions {
  /** Where files are kept: `instancesFolder()`. */
  folder: string;
  logger: Logger;
  /**
   * `owner`: the one that changes things, writes the files and restarts what is broken; of several in one folder the
   * first. `follower`: reads along, for a worker beside a machine; keeps to what the owner says. Default: `owner`.
   */
  role?: 'owner' | 'follower';
  /** Starts and stops processes; without it every instance counts as one that runs by itself. */
  processes?: InstanceProcesses;
  /** Devices of this machine, with their use. Default: none. */
  gpus?: () => readonly GpuFacts[];
  timing?: Partial<InstanceTiming>;
}
