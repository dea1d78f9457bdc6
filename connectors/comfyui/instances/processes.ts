import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';

/** Something happened to the process of an instance. */
export type ProcessEvent =
  /** It answers. */
  | { id: string; type: 'ready' }
  /** It is gone; `restarting`: and comes back by itself. What it had in its queue is lost. */
  | { id: string; type: 'gone'; reason: string; restarting: boolean };

/** What the processes of one instance take. */
export interface ProcessUsage {
  /** Of one core: 250 is two and a half. */
  cpuPercent: number | null;
  memoryBytes: number;
}

/**
 * Who starts and stops the processes of instances: the supervisor of a machine. It watches them, restarts those that
 * die, and says so.
 */
export interface InstanceProcesses {
  /** Folders that `customNodesPath` must lie in. */
  readonly roots: readonly string[];
  /**
   * Whether it could be started here now; starts nothing.
   * @throws ServiceError or ConnectorError `conflict` for a port in use, `validation`, `service_unavailable`
   */
  examine(config: InstanceConfig, gpu: GpuFacts | undefined): Promise<void>;
  /**
   * Starts it and waits until it answers.
   * @throws `conflict` for a port in use, `service_unavailable` when it does not come up
   */
  start(config: InstanceConfig, gpu: GpuFacts | undefined): Promise<void>;
  /** Stops it with all it has started; no harm when it does not run. */
  stop(id: string): Promise<void>;
  /** Undefined while it does not run. */
  usage(id: string): ProcessUsage | undefined;
  subscribe(listener: (event: ProcessEvent) => void): () => void;
}
