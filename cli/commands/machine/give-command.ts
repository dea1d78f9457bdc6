import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MachineOperation } from '../../../contract/machine-command.ts';
import { type CommandWish, machineApi } from '../../api-client/machines.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT, type ExitCode, exitCodeOfProblem } from '../../exit-codes.ts';
import type { Session } from '../../session.ts';
import { note, sayJson } from '../../terminal.ts';
import { setPath } from '../../input/set-path.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';
import { collect } from '../option-values.ts';

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

interface AnyOptions {
  set?: string[];
  detached?: boolean;
}

/** `switchyard machine command ID KIND`: whatever a machine can be told, with its answer as JSON. */
export function addMachineCommand(parent: Command, context: CommandContext): void {
  parent
    .command('command')
    .description('Give a machine any of its commands and print the answer; docs/machines.md lists them')
    .argument('<id>', 'id of the machine')
    .argument('<kind>', 'e.g. service.restart, slots.set, vram.free, nodes.install')
    .option('--set <path=value>', 'an argument: JSON, else text; a.b, list[0], list[]; repeatable', collect)
    .option('--detached', 'answer at once with the operation, and do not wait for its end')
    .addHelpText(
      'after',
      examples(
        ['switchyard machine command box1 service.restart --set name=comfyui-gpu0', ''],
        ['switchyard machine command box1 slots.set --set worker=upscale-1 --set slots=2', ''],
        ['switchyard machine command box1 vram.free --set gpu=0', ''],
        ['switchyard machine command box1 nodes.install --set nodes[]=https://example.org/some-node', ''],
      ),
    )
    .action(
      apiAction(context, async (session, id: string, kind: string, { set = [], detached }: AnyOptions) => {
        const args: Record<string, unknown> = {};
        for (const assignment of set) setPath(args, assignment);
        const wish = { kind, args, ...(detached ? { detached } : {}) };
        const operation = detached
          ? await machineApi(session.api).command(id, { issued_by: whoAsks(), ...wish })
          : await giveCommand(session, id, wish);
        sayJson(session.terminal, session.json || detached ? operation : (operation.result ?? {}));
      }),
    );
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

/** Between two looks at an operation: soon at first. Milliseconds. */
const FIRST_LOOK_MS = 100;
const ASK_MS = 1_000;

/**
 * Gives a command and waits for its end, also of one that takes long.
 * @param signal gives up waiting for the first answer
 * @throws CliError when the machine refused it or could not carry it out
 */
export async function giveCommand(
  { api }: Session,
  id: string,
  wish: CommandWish,
  signal?: AbortSignal,
): Promise<MachineOperation> {
  const machines = machineApi(api);
  let operation = await machines.command(id, { issued_by: whoAsks(), ...wish }, signal ? { signal } : {});
  for (let pause = FIRST_LOOK_MS; operation.state === 'running'; pause = Math.min(2 * pause, ASK_MS)) {
    await sleep(pause);
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
