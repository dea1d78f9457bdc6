import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import type { InstanceCard } from '../../contract/machine-card.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { ProcessBase } from '../process/load-process.ts';
import type { MachinePlan } from './plan-machine-processes.ts';
import type { ServiceSupervisor } from './services/supervisor.ts';

/** What a part of a machine that brings commands of its own works with. */
export interface MachineParts {
  machineId: string;
  base: ProcessBase;
  plan: MachinePlan;
  /** As of the latest look. */
  facts: () => MachineFacts;
  supervisor: ServiceSupervisor;
  logger: Logger;
  /** The card should be told soon. */
  changed: () => void;
}

/** A part of a machine with commands of its own: the instance manager. */
export interface MachineExtension {
  handlers: CommandHandlers;
  /** For the card. */
  instances(): InstanceCard[];
  close(): Promise<void>;
}

/** Starts the part once the services of the plan run. A failure ends the start-up. */
export type StartExtension = (parts: MachineParts) => Promise<MachineExtension>;
