import type { Command } from 'commander';
import type { ErrorCode } from '../../../contract/errors.ts';
import type { InstanceJson } from '../../api-client/instances.ts';
import type { CommandWish } from '../../api-client/machines.ts';
import { usageError } from '../../cli-error.ts';
import { confirm } from '../../confirm.ts';
import { EXIT, type ExitCode } from '../../exit-codes.ts';
import type { Session } from '../../session.ts';
import { note, say, sayJson } from '../../terminal.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';
import { giveCommand } from '../machine/give-command.ts';
import { collectList } from '../option-values.ts';
import { chooseMachine, machineOption, type MachineOption } from './choose-machine.ts';
import { type ConfigOptions, configOptions, readConfig } from './config-options.ts';

interface CreateOptions extends ConfigOptions, MachineOption {
  id?: string;
  start?: boolean;
}

interface UpdateOptions extends ConfigOptions, MachineOption {
  unset?: string[];
}

interface ManyOptions extends MachineOption {
  all?: boolean;
  yes?: boolean;
}

export function addCreateInstance(parent: Command, context: CommandContext): void {
  const command = parent
    .command('create')
    .description('Make an instance; prints its id')
    .argument('[name]', 'its name, for people')
    .option('--id <id>', 'its id; default: instance_001 and so on')
    .option('--start', 'start it at once');
  machineOption(configOptions(command))
    .addHelpText(
      'after',
      examples(
        ['switchyard instances create Portraits --gpu cuda:0 --start', 'the machine starts a ComfyUI'],
        ['switchyard instances create Studio --endpoint http://10.0.0.7:8188', 'one that runs already'],
        ['switchyard instances create --config @instance.json --machine box1', ''],
      ),
    )
    .action(
      apiAction(context, async (session: Session, name: string | undefined, options: CreateOptions) => {
        const config = await readConfig({ ...options, ...(name === undefined ? {} : { name }) }, session.terminal);
        if (options.id !== undefined) config['id'] = options.id;
        const machine = await chooseMachine(session, options);
        const { start = false } = options;
        const made = await ask<InstanceJson>(session, machine, {
          kind: 'instance.create',
          args: { config, start },
          // What is not installed yet is installed first.
          detached: start,
        });
        if (session.json) return sayJson(session.terminal, made);
        say(session.terminal, made.id);
        note(session.terminal, `${made.name} (${made.url}) on ${machine} is ${made.status}.`);
      }),
    );
}

export function addUpdateInstance(parent: Command, context: CommandContext): void {
  const command = parent
    .command('update')
    .description('Change fields of an instance; port, GPU and the like only while it is stopped')
    .argument('<instance>', 'its id')
    .option('--unset <fields>', 'take fields away, e.g. gpuDevice,description', collectList);
  machineOption(configOptions(command))
    .addHelpText(
      'after',
      examples(
        ['switchyard instances update instance_001 --max-workflows 2', ''],
        ['switchyard instances update instance_001 --unset description', ''],
      ),
    )
    .action(
      apiAction(context, async (session: Session, id: string, options: UpdateOptions) => {
        const nothing = Object.fromEntries((options.unset ?? []).map((field) => [field, null]));
        const change = { ...(await readConfig(options, session.terminal)), ...nothing };
        if (Object.keys(change).length === 0)
          throw usageError('Nothing is to be changed', '"switchyard instances update --help" lists what can be');
        const machine = await chooseMachine(session, options, [id]);
        const changed = await ask<InstanceJson>(session, machine, { kind: 'instance.update', args: { id, change } });
        if (session.json) return sayJson(session.terminal, changed);
        note(session.terminal, `${id} on ${machine} is changed.`);
      }),
    );
}

export function addUseInstance(parent: Command, context: CommandContext): void {
  machineOption(
    parent
      .command('use')
      .description('Make an instance the active one: where work goes that names none')
      .argument('<instance>', 'its id'),
  ).action(
    apiAction(context, async (session: Session, id: string, options: MachineOption) => {
      const machine = await chooseMachine(session, options, [id]);
      const used = await ask<InstanceJson>(session, machine, { kind: 'instance.use', args: { id } });
      if (session.json) return sayJson(session.terminal, used);
      note(session.terminal, `${id} is the active instance of ${machine}.`);
    }),
  );
}

const VERBS = {
  start: 'Start instances, and wait until they answer',
  stop: 'Stop instances; their jobs go to others',
  restart: 'Stop and start instances',
  pause: 'Give instances no more jobs; those that run come to their end',
  resume: 'Give paused instances jobs again',
  delete: 'Stop and forget instances, with their history',
} as const;

type Verb = keyof typeof VERBS;

/** `start|stop|restart|pause|resume|delete`: however many are named, it is one command to the machine. */
export function addInstanceVerbs(parent: Command, context: CommandContext): void {
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const command = parent
      .command(verb)
      .description(VERBS[verb])
      .argument('[instances...]', 'their ids')
      .option('--all', 'all that it can be done with');
    if (verb === 'delete') command.option('--yes', 'do not ask');
    machineOption(command)
      .addHelpText(
        'after',
        examples(
          [`switchyard instances ${verb} instance_001 instance_002`, ''],
          [`switchyard instances ${verb} --all --machine box1`, ''],
        ),
      )
      .action(
        apiAction(context, (session: Session, ids: string[], options: ManyOptions) =>
          onMany(session, verb, [...new Set(ids)], options),
        ),
      );
  }
}

interface Told {
  id: string;
  status?: string;
  deleted?: true;
}

interface BulkResult {
  instances: Told[];
  failed: { id: string; code: ErrorCode; message: string }[];
}

async function onMany(session: Session, verb: Verb, ids: string[], options: ManyOptions): Promise<ExitCode> {
  const { terminal } = session;
  if (ids.length === 0 && !options.all)
    throw usageError(`Which instances are to ${verb === 'delete' ? 'be deleted' : verb}?`, 'Name them, or say --all');
  if (ids.length > 0 && options.all) throw usageError('--all and names of instances do not go together');
  const machine = await chooseMachine(session, options, ids);
  if (verb === 'delete') {
    const what = options.all ? 'all instances' : ids.join(', ');
    if (!(await confirm(terminal, `Delete ${what} of machine ${machine}? The history goes too.`, options.yes))) {
      note(terminal, 'Nothing was deleted.');
      return EXIT.error;
    }
  }
  const [only, ...others] = ids;
  const args = only === undefined ? { all: true } : others.length === 0 ? { id: only } : { ids };
  const detached = verb === 'start' || verb === 'restart';
  const answer = await ask<Told | BulkResult>(session, machine, { kind: `instance.${verb}`, args, detached });
  if (session.json) sayJson(terminal, answer);
  const { instances, failed } = 'failed' in answer ? answer : { instances: [answer], failed: [] };
  if (!session.json) {
    for (const { id, status, deleted } of instances) note(terminal, `${id} is ${deleted ? 'deleted' : status}.`);
    if (instances.length === 0 && failed.length === 0) note(terminal, `Machine ${machine} has none to ${verb}.`);
  }
  for (const { id, message } of failed) note(terminal, terminal.errorStyle.bad(`${id}: ${message}`));
  return failed.length > 0 ? EXIT.error : EXIT.ok;
}

/** The result of a command about instances. @throws CliError when the machine refused it or could not carry it out */
export async function ask<T>(session: Session, machine: string, wish: CommandWish): Promise<T> {
  return (await giveCommand(session, machine, wish)).result as T;
}
