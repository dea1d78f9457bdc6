import type { ErrorCode, FieldError } from './errors.ts';

/** Update of the `machine` workflow that carries a {@link MachineCommand}. */
export const MACHINE_COMMAND_UPDATE = 'command';
/** Query of the `machine` workflow that tells of operations under way and the latest ended ones. */
export const MACHINE_OPERATIONS_QUERY = 'operations';
/** Signal of a machine that has just started: its boot id replaces the old presence. */
export const MACHINE_BOOT_SIGNAL = 'boot';

/** What a machine can be told to do. Its arguments are checked again on the machine. */
export const COMMAND_KINDS = [
  'drain',
  'resume',
  'restart',
  'stop',
  'service.start',
  'service.stop',
  'service.restart',
  'service.logs',
  'instance.list',
  'instance.get',
  'instance.health',
  'instance.stats',
  'instance.create',
  'instance.update',
  'instance.delete',
  'instance.start',
  'instance.stop',
  'instance.restart',
  'instance.pause',
  'instance.resume',
  'instance.use',
  'instance.import',
  'instance.export',
  'nodes.install',
  'vram.free',
  'slots.set',
] as const;

export type MachineCommandKind = (typeof COMMAND_KINDS)[number];

export interface MachineCommand {
  /** Chosen by the sender: the same id again is the same command, carried out once. */
  id: string;
  kind: MachineCommandKind;
  args: Record<string, unknown>;
  /** Epoch milliseconds. After this moment the machine refuses it: a command given up on must never run later. */
  expires_at: number;
  /** Who asked, for the history. */
  issued_by?: string;
  /** Returns at once with an operation to follow instead of the result. */
  detached?: boolean;
}

/** What became of a command; also the operation document of a detached one. */
export interface MachineOperation {
  id: string;
  kind: MachineCommandKind;
  state: 'running' | 'succeeded' | 'failed' | 'expired';
  started_at: number;
  ended_at?: number;
  result?: unknown;
  error?: { code: ErrorCode; message: string; errors?: FieldError[] };
}
