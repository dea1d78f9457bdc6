import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { condition, defineQuery, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';
import type { MachineActivities } from '../activities/activities.ts';
import { type ErrorCode, type FieldError, isErrorCode } from '../contract/errors.ts';
import { machineTaskQueue } from '../contract/machine-card.ts';
import {
  MACHINE_COMMAND_UPDATE,
  MACHINE_OPERATIONS_QUERY,
  type MachineCommand,
  type MachineOperation,
} from '../contract/machine-command.ts';
import { type MachineAbsence, type MachineBoot, PRESENCE_TIMEOUT_MS } from '../contract/machine-presence.ts';

/** Ended operations that are kept to be asked for. The history keeps all. */
const KEPT = 50;
/** Of the results of those, characters of JSON together, over which the oldest results are let go. */
const KEPT_RESULTS = 200_000;
const MAX_RUNNING = 20;
/** A machine that is there takes a command in milliseconds. */
const TAKEN_WITHIN = '2s';
const LONGEST_WAITED_FOR = '10m';
const LONGEST_DETACHED = '6h';

const commandUpdate = defineUpdate<MachineOperation, [MachineCommand]>(MACHINE_COMMAND_UPDATE);
const operationsQuery = defineQuery<MachineOperation[]>(MACHINE_OPERATIONS_QUERY);

export interface CommandsOptions {
  machineId: string;
  /** Of an earlier run. */
  operations: readonly MachineOperation[];
  /** The life of the machine that is there; undefined: none is. */
  whom: () => MachineBoot | undefined;
  absence: () => MachineAbsence | undefined;
  /** A command has ended and none is under way. */
  onIdle: () => void;
}

/** Commands of one machine: carried out on its own queue, once for each id, and kept for a while. */
export function serveCommands(options: CommandsOptions): { list(): MachineOperation[]; busy(): boolean } {
  const { machineId } = options;
  const operations = new Map(options.operations.map((operation) => [operation.id, operation]));
  let running = 0;

  async function carryOut(command: MachineCommand, boot: MachineBoot): Promise<void> {
    const { id, kind, detached = false } = command;
    const operation: MachineOperation = { id, kind, state: 'running', started_at: Date.now() };
    operations.set(id, operation);
    running++;
    const { machineCommand } = proxyActivities<MachineActivities>({
      taskQueue: machineTaskQueue(machineId),
      scheduleToStartTimeout: TAKEN_WITHIN,
      startToCloseTimeout: detached ? LONGEST_DETACHED : LONGEST_WAITED_FOR,
      heartbeatTimeout: PRESENCE_TIMEOUT_MS,
      retry: { maximumAttempts: 1 },
      summary: kind,
    });
    let end: Partial<MachineOperation>;
    try {
      end = { state: 'succeeded', result: await machineCommand({ command, boot_id: boot.boot_id }) };
    } catch (error) {
      end = failureOf(error, machineId);
    }
    operations.delete(id);
    operations.set(id, { ...operation, ...end, ended_at: Date.now() });
    forgetOld(operations);
    running--;
    if (running === 0) options.onIdle();
  }

  setHandler(
    commandUpdate,
    async (command) => {
      const { id } = command;
      // Checked again: the machine may have gone between the validator and here.
      const boot = options.whom();
      if (!operations.has(id)) {
        if (!boot) throw away(machineId, options.absence());
        void carryOut(command, boot);
      }
      if (!command.detached) await condition(() => operations.get(id)?.state !== 'running');
      const operation = operations.get(id);
      if (!operation) throw refusal('not_found', `What became of command ${id} is not kept any longer`);
      return operation;
    },
    {
      validator(command) {
        if (typeof command?.id !== 'string' || !/^[\w.:-]{1,100}$/.test(command.id))
          throw refusal('validation', 'id must be 1-100 letters, digits or ". : _ -"');
        if (typeof command.kind !== 'string') throw refusal('validation', 'kind must name a command');
        const known = operations.get(command.id);
        if (known && known.kind !== command.kind)
          throw refusal('conflict', `Command ${command.id} was another one: ${known.kind}. Take a new id`);
        if (known) return;
        if (typeof command.expires_at !== 'number')
          throw refusal('validation', 'expires_at must be a time in milliseconds since 1970');
        if (command.expires_at <= Date.now())
          throw refusal('timeout', `The command expired ${Date.now() - command.expires_at} ms before it came here`);
        if (!options.whom()) throw away(machineId, options.absence());
        if (running >= MAX_RUNNING)
          throw refusal('rate_limited', `${MAX_RUNNING} commands are under way on ${machineId}: wait for one to end`);
      },
    },
  );
  setHandler(operationsQuery, () => [...operations.values()]);
  return { list: () => [...operations.values()], busy: () => running > 0 };
}

function forgetOld(operations: Map<string, MachineOperation>): void {
  const ended = [...operations.values()].filter(({ state }) => state !== 'running');
  for (const { id } of ended.slice(0, -KEPT)) operations.delete(id);
  let size = 0;
  for (const operation of ended.slice(-KEPT).reverse()) {
    size += JSON.stringify(operation.result)?.length ?? 0;
    if (size <= KEPT_RESULTS) continue;
    const { result: _, ...rest } = operation;
    operations.set(operation.id, rest);
  }
}

function failureOf(error: unknown, machineId: string): Partial<MachineOperation> {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    switch (cause.timeoutType) {
      case 'SCHEDULE_TO_START':
        return failed('service_unavailable', `Machine ${machineId} did not take the command in time: it was not run`);
      case 'HEARTBEAT':
        return failed('service_unavailable', `Machine ${machineId} fell silent while it carried out the command`);
      default:
        return failed('timeout', 'The command took too long');
    }
  }
  if (cause instanceof ApplicationFailure) {
    const code: ErrorCode = isErrorCode(cause.type) ? cause.type : 'internal';
    const { state, errors } = (cause.details?.[0] ?? {}) as { state?: 'expired'; errors?: FieldError[] };
    return { ...failed(code, cause.message, errors), ...(state === 'expired' ? { state } : {}) };
  }
  return failed('internal', (cause as Error)?.message ?? String(cause));
}

function failed(code: ErrorCode, message: string, errors?: FieldError[]): Partial<MachineOperation> {
  return { state: 'failed', error: { code, message, ...(errors ? { errors } : {}) } };
}

function away(machineId: string, absence: MachineAbsence | undefined): ApplicationFailure {
  const since = absence ? ` since ${new Date(absence.at).toISOString()}: ${absence.message}` : '';
  return refusal('service_unavailable', `Machine ${machineId} is away${since}`);
}

function refusal(type: ErrorCode, message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true });
}
