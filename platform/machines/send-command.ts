import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowUpdateFailedError, WorkflowUpdateStage } from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { type ErrorCode, isErrorCode } from '../../contract/errors.ts';
import { machineWorkflowId } from '../../contract/machine-card.ts';
import {
  MACHINE_COMMAND_UPDATE,
  MACHINE_OPERATIONS_QUERY,
  type MachineCommand,
  type MachineOperation,
} from '../../contract/machine-command.ts';
import { bounded, isNotFound, TemporalUnavailableError } from '../jobs/temporal-calls.ts';

/** A command that was not taken. */
export class CommandRefusedError extends Error {
  override readonly name = 'CommandRefusedError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What may be left open of a command; the rest is made up. */
export interface CommandWish extends Omit<MachineCommand, 'expires_at'> {
  /** How long from now it may wait to be begun. Milliseconds; default 2,500. */
  expires_in_ms?: number;
}

const EXPIRES_MS = 2_500;

/**
 * Gives a command to a machine and waits for its result.
 * @param waitMs longest wait for the result once it was taken; then the operation is answered as it stands
 * @returns the operation: ended, or still running when it is detached or takes longer
 * @throws CommandRefusedError within 3 s when the machine is not there or does not take it: it will not be run later
 */
export async function sendCommand(
  client: Client,
  machineId: string,
  { expires_in_ms: expiresIn = EXPIRES_MS, ...wish }: CommandWish,
  waitMs: number,
): Promise<MachineOperation> {
  const command: MachineCommand = { ...wish, expires_at: Date.now() + expiresIn };
  const handle = client.workflow.getHandle(machineWorkflowId(machineId));
  try {
    const update = await bounded(client, expiresIn, () =>
      handle.startUpdate<MachineOperation, [MachineCommand]>(MACHINE_COMMAND_UPDATE, {
        args: [command],
        // The same command again is the same update.
        updateId: command.id,
        waitForStage: WorkflowUpdateStage.ACCEPTED,
      }),
    );
    const unfinished = new AbortController();
    const late = sleep(waitMs, undefined, { signal: unfinished.signal }).catch(() => undefined);
    const result = client.withAbortSignal(unfinished.signal, () => update.result());
    result.catch(() => undefined);
    try {
      const ended = await Promise.race([result, late]);
      return ended ?? { id: command.id, kind: command.kind, state: 'running', started_at: Date.now() };
    } finally {
      unfinished.abort();
    }
  } catch (error) {
    throw translated(error, machineId);
  }
}

/**
 * What became of a command.
 * @returns undefined when the machine is not known, or the operation no longer kept
 * @throws TemporalUnavailableError also when no orchestrator is there to answer
 */
export async function readOperation(
  client: Client,
  machineId: string,
  operationId: string,
  ms: number,
): Promise<MachineOperation | undefined> {
  const handle = client.workflow.getHandle(machineWorkflowId(machineId));
  try {
    const operations = await bounded(client, ms, () => handle.query<MachineOperation[]>(MACHINE_OPERATIONS_QUERY));
    return operations.find(({ id }) => id === operationId);
  } catch (error) {
    if (isNotFound(error) || error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function translated(error: unknown, machineId: string): unknown {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    return new CommandRefusedError(isErrorCode(type) ? type : 'internal', message, { cause: error });
  }
  if (isNotFound(error) || error instanceof WorkflowNotFoundError)
    return new CommandRefusedError('not_found', `There is no machine ${machineId}`);
  if (error instanceof TemporalUnavailableError) {
    const message = 'No orchestrator took the command in time, or Temporal is away: the command will not be run';
    return new CommandRefusedError('service_unavailable', message, { cause: error });
  }
  return error;
}
