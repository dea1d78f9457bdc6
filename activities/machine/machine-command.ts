import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type ErrorCode, type FieldError, isErrorCode } from '../../contract/errors.ts';
import type { MachineCommand, MachineCommandKind } from '../../contract/machine-command.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { MachineActivities } from '../activities.ts';
import type { ServerClock } from './server-clock.ts';

/** What a command handler works with besides its arguments. */
export interface CommandContext {
  command: MachineCommand;
  /** Aborts when nobody waits for the result any longer. */
  signal: AbortSignal;
}

/**
 * Carries out one kind of command. Its arguments come unchecked.
 * @returns a small document
 * @throws an error whose `code` is one of contract/errors.ts and whose message says what to do; its `errors`, when it has
 *   some, name the fields
 */
export type CommandHandler = (args: Record<string, unknown>, context: CommandContext) => Promise<unknown>;

/** One for each kind that a machine knows. */
export type CommandHandlers = Partial<Record<MachineCommandKind, CommandHandler>>;

export interface MachineCommandDeps {
  bootId: string;
  handlers: CommandHandlers;
  clock: ServerClock;
  logger: Logger;
}

/** So that a machine that dies over a command is noticed. Milliseconds. */
const BEAT_MS = 3_000;
/** Of a result, characters of JSON: it stands in the history. */
const MAX_RESULT = 500_000;
/** Fields named one by one; the message names all. */
const MAX_ERRORS = 50;

/** The activity that carries out one command, unless it has expired or was meant for an earlier life of the machine. */
export function createMachineCommand(deps: MachineCommandDeps): MachineActivities['machineCommand'] {
  return async ({ command, boot_id: bootId }) => {
    const context = Context.current();
    deps.clock.observe(context.info.currentAttemptScheduledTimestampMs);
    const { id, kind } = command;
    if (bootId !== deps.bootId)
      throw failure('conflict', `Command ${id} was meant for an earlier life of this machine`);
    const late = deps.clock.now() - command.expires_at;
    if (late >= 0)
      throw failure('timeout', `The command expired ${Math.round(late)} ms ago: it was not run`, { state: 'expired' });
    const handler = deps.handlers[kind];
    if (!handler) {
      const known = Object.keys(deps.handlers).join(', ');
      throw failure('validation', `This machine knows no command "${kind}"; it knows: ${known}`);
    }
    const logger = deps.logger.child({ command: kind, command_id: id, issued_by: command.issued_by });
    const timer = setInterval(() => context.heartbeat(), BEAT_MS);
    logger.info('command begins');
    try {
      const result = (await handler(command.args ?? {}, { command, signal: context.cancellationSignal })) ?? null;
      if (JSON.stringify(result).length > MAX_RESULT)
        throw failure('output_too_large', 'The command was carried out; its result is too large to be told');
      logger.info('command done');
      return result;
    } catch (error) {
      if (context.cancellationSignal.aborted) throw context.cancellationSignal.reason;
      logger.warn({ err: error }, 'command failed');
      throw asFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}

function asFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { code, message, errors } = error as { code?: unknown; message?: string; errors?: FieldError[] };
  // What is wrong with a configuration is the sender's to mend.
  const known = (error as Error).name === 'ConfigError' ? 'validation' : isErrorCode(code) ? code : 'internal';
  return failure(known, message ?? String(error), Array.isArray(errors) ? { errors: errors.slice(0, MAX_ERRORS) } : {});
}

function failure(
  type: ErrorCode,
  message: string,
  details: { state?: 'expired'; errors?: FieldError[] } = {},
): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: [details] });
}
