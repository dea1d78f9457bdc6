import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MachineOperation } from '../../../contract/machine-command.ts';
import { type CommandWish, machineApi } from '../../api-client/machines.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT, type ExitCode, exitCodeOfProblem } from '../../exit-codes.ts';
import type { Session } from '../../session.ts';
import { note, sayJson } from '../../terminal.ts';
import { apiAction, type CommandContext } from '../context.ts';

interface VerbOptions {
  drain?: boolean;
  wait?: boolean;
}

/** `switchyard machine drain|resume|restart|stop ID` */
export function addMachineVerbs(parent: Command, context: CommandContext): void {
  verb('drain', 'Let the jobs of a machine finish, and take no new ones')
    .option('--wait', 'until the last job has ended')
    .action(apiAction(context, (session, id: string, { wait }: VerbOptions) => run(session, id, 'drain', { wait })));
  verb('resume', 'Let a machine take jobs again').action(
    apiAction(context, (session, id: string) => run(session, id, 'resume', {})),
  );
  for (const [kind, what] of [
    ['restart', 'Start a machine anew, its services and workers too'],
    ['stop', 'Stop a machine, its services and workers'],
  ] as const) {
    verb(kind, what)
      .option('--drain', 'when its last job has ended; otherwise jobs get their grace time and go on elsewhere')
      .action(apiAction(context, (session, id: string, { drain }: VerbOptions) => run(session, id, kind, { drain })));
  }

  function verb(name: string, description: string): Command {
    return parent.command(name).description(description).argument('<id>', 'id of the machine');
  }
}

const DONE: Record<string, string> = {
  drain: 'takes no more jobs',
  resume: 'takes jobs again',
  restart: 'starts anew',
  stop: 'stops',
};

async function run(session: Session, id: string, kind: string, { wait, drain }: VerbOptions): Promise<ExitCode> {
  const args = { ...(wait ? { wait } : {}), ...(drain ? { drain } : {}) };
  // What waits for jobs may take hours.
  const operation = await giveCommand(session, id, { kind, args, detached: (wait ?? false) || (drain ?? false) });
  if (session.json) sayJson(session.terminal, operation);
  else note(session.terminal, `Machine ${id} ${DONE[kind]}.`);
  return EXIT.ok;
}

const ASK_MS = 1_000;

/**
 * Gives a command and waits for its end, also of one that takes long.
 * @throws CliError when the machine refused it or could not carry it out
 */
export async function giveCommand({ api }: Session, id: string, wish: CommandWish): Promise<MachineOperation> {
  const machines = machineApi(api);
  let operation = await machines.command(id, { issued_by: whoAsks(), ...wish });
  while (operation.state === 'running') {
    await sleep(ASK_MS);
    operation = await machines.operation(id, operation.id);
  }
  if (operation.state === 'succeeded') return operation;
  const { code = 'internal', message = 'it was not told why' } = operation.error ?? {};
  throw new CliError(exitCodeOfProblem(code), `Machine ${id}: ${message}`);
}

function whoAsks(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli';
  }
}
