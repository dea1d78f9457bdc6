import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { MigrationResult } from '../../../contract/instance.ts';
import { isSingleInstance } from '../../../connectors/comfyui/instances/migrate.ts';
import { usageError } from '../../cli-error.ts';
import { readJsonFile } from '../../input/read-json.ts';
import { count } from '../../output/format.ts';
import type { Session } from '../../session.ts';
import { note, sayJson } from '../../terminal.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';
import { ask } from './change.ts';
import { chooseMachine, machineOption, type MachineOption } from './choose-machine.ts';

interface ExportOptions extends MachineOption {
  out?: string;
  secrets?: boolean;
}

interface Imported {
  instances: { id: string; name: string }[];
  migration?: MigrationResult;
}

export function addExportInstances(parent: Command, context: CommandContext): void {
  machineOption(
    parent
      .command('export')
      .description('Write the configuration of all instances, without keys')
      .option('-o, --out <file>', 'into this file instead of standard output')
      .option('--secrets', 'with keys: into a file on the machine itself, whose path is told'),
  )
    .addHelpText('after', examples(['switchyard instances export --out instances.json', '']))
    .action(
      apiAction(context, async (session: Session, { out, secrets = false, ...options }: ExportOptions) => {
        const { terminal } = session;
        if (secrets && out !== undefined)
          throw usageError('--secrets and --out do not go together', 'Keys do not leave the machine');
        const machine = await chooseMachine(session, options);
        const answer = await ask<object>(session, machine, { kind: 'instance.export', args: { secrets } });
        if (out === undefined) return sayJson(terminal, answer);
        write(resolve(terminal.cwd, out), `${JSON.stringify(answer, undefined, 2)}\n`);
        const { instances } = answer as { instances: unknown[] };
        note(terminal, `${count(instances.length, 'instance')} of ${machine} in ${out}`);
      }),
    );
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw usageError(`--out ${path} cannot be written: ${(error as Error).message}`);
  }
}

export function addImportInstances(parent: Command, context: CommandContext): void {
  machineOption(
    parent
      .command('import')
      .description('Add instances from an export; those whose id is there are changed. All or nothing')
      .argument('<file>', 'an export, or the configuration of a single ComfyUI; - is standard input'),
  )
    .addHelpText(
      'after',
      examples(
        ['switchyard instances import instances.json --machine box2', ''],
        ['switchyard instances export --machine box1 | switchyard instances import - --machine box2', ''],
      ),
    )
    .action(
      apiAction(context, async (session: Session, file: string, options: MachineOption) => {
        const data = await readJsonFile(file, 'import', session.terminal);
        const { machine, imported } = await send(session, data, options);
        if (session.json) return sayJson(session.terminal, imported);
        note(session.terminal, `${machine} has ${count(imported.instances.length, 'instance')} now: ${ids(imported)}`);
      }),
    );
}

export function addMigrateInstances(parent: Command, context: CommandContext): void {
  machineOption(
    parent
      .command('migrate')
      .description(
        'Make an instance of the configuration of a single ComfyUI, or tell what the machine made of its own',
      )
      .argument('[file]', 'JSON with "endpoint", "url" or "host" and "port"; - is standard input'),
  )
    .addHelpText(
      'after',
      `${examples(
        ['switchyard instances migrate comfyui_config.json', 'makes the instance "default"'],
        ['switchyard instances migrate', 'what became of the one that the machine found'],
      )}

A machine takes such a configuration in its own folder over by itself, once, when it starts.`,
    )
    .action(
      apiAction(context, async (session: Session, file: string | undefined, options: MachineOption) => {
        const { terminal } = session;
        const result = file === undefined ? await former(session, options) : await take(session, file, options);
        if (session.json) return sayJson(terminal, result ?? { migrated: false, instancesCreated: 0, errors: [] });
        if (!result) return note(terminal, 'The machine found no configuration of a single instance.');
        const { migrated, fromVersion, toVersion, instancesCreated, errors } = result;
        if (migrated)
          note(terminal, `From ${fromVersion} to version ${toVersion}: ${count(instancesCreated, 'instance')} made.`);
        for (const error of errors) note(terminal, terminal.errorStyle.bad(error));
      }),
    );
}

async function take(session: Session, file: string, options: MachineOption): Promise<MigrationResult | undefined> {
  const data = await readJsonFile(file, 'migrate', session.terminal);
  if (!isSingleInstance(data))
    throw usageError(
      `${file} is no configuration of a single ComfyUI: it has no "endpoint", "url" or "host"`,
      'An export of instances goes to "switchyard instances import"',
    );
  return (await send(session, data, options)).imported.migration;
}

async function former(session: Session, options: MachineOption): Promise<MigrationResult | undefined> {
  const machine = await chooseMachine(session, options);
  return (await ask<{ migration?: MigrationResult }>(session, machine, { kind: 'instance.list' })).migration;
}

async function send(session: Session, data: object, options: MachineOption) {
  const machine = await chooseMachine(session, options);
  return { machine, imported: await ask<Imported>(session, machine, { kind: 'instance.import', args: { data } }) };
}

function ids({ instances }: Imported): string {
  return instances.map(({ id }) => id).join(', ');
}
