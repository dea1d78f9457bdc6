import type { MachineCard } from './machine-card.ts';
import type { MachineCommand, MachineOperation } from './machine-command.ts';

/** Query of the `machine` workflow: whom it takes for present. */
export const MACHINE_PRESENCE_QUERY = 'presence';
/** Name of the activity that is a machine's presence. */
export const PRESENCE_ACTIVITY = 'presence';
/** Memo of a `machine` workflow whose machine is not there: a {@link MachineAbsence}. */
export const ABSENCE_MEMO = 'absence';
/** Silence after which a machine counts as dead. It beats every 5 s. Milliseconds. */
export const PRESENCE_TIMEOUT_MS = 12_000;

/** What a machine says of itself when it announces itself. */
export interface MachineBoot {
  boot_id: string;
  hostname: string;
  version: string;
}

/** Input of the `machine` workflow; all but the first field is what an earlier run hands on. */
export interface MachineLife {
  machine_id: string;
  boot?: MachineBoot;
  generation?: number;
  /** The earlier run gave up its presence only to begin anew. */
  present?: boolean;
  absence?: MachineAbsence;
  operations?: MachineOperation[];
}

/** Argument of the presence activity. */
export interface PresenceTask {
  machine_id: string;
  boot_id: string;
  /** Grows with each announcement: of two activities that overlap, the one with the greater number counts. */
  generation: number;
}

/** Heartbeat details of the presence activity. */
export interface PresenceBeat {
  v: 1;
  generation: number;
  card: MachineCard;
}

/** A machine that leaves in order says so by completing its presence. */
export interface PresenceEnd {
  reason: 'stopped' | 'restarting' | 'failed';
  message?: string;
  /** The last one. */
  card: MachineCard;
}

/** Why a machine is not there, and what was known of it last. */
export interface MachineAbsence {
  /** `died`: it fell silent. The others said so themselves. */
  kind: 'died' | 'stopped' | 'restarting' | 'failed';
  /** Epoch milliseconds of Temporal's clock: when it was noticed. */
  at: number;
  message: string;
  card?: MachineCard;
}

/** Answer of {@link MACHINE_PRESENCE_QUERY}. */
export interface PresenceState {
  boot?: MachineBoot;
  generation: number;
  present: boolean;
}

/** Argument of the activity that carries out a command. */
export interface MachineCommandTask {
  command: MachineCommand;
  /** Whom it is for: a machine that has been restarted since is another one. */
  boot_id: string;
}

/** Type of the failure of a presence that another process of the same id took up. Final; the workflow tries again. */
export const WRONG_BOOT = 'wrong_boot';
