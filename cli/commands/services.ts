import type { Command } from 'commander';
import type { ServiceView } from '../api-client/answers.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { exampleCommand } from '../output/example-command.ts';
import { healthLines, healthText, paintHealth, reasonLines } from '../output/service-health.ts';
import { count } from '../output/format.ts';
import { fieldLines, schemaFields } from '../output/schema-fields.ts';
import { formatTable, type Column } from '../output/table.ts';
import { plain, wrap } from '../output/text-width.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addServices(parent: Command, context: CommandContext): void {
  parent
    .command('services')
    .description('List the services and how they fare, or show one: its workers, models, and what it takes')
    .argument('[service]', 'show its health, models, payload, inputs and an example')
    .addHelpText(
      'after',
      examples(
        ['switchyard services', ''],
        ['switchyard services upscale', ''],
        ['switchyard services upscale --json | jq .payload_schema', ''],
      ),
    )
    .action(
      apiAction(context, (session: Session, name: string | undefined) =>
        name === undefined ? listServices(session) : showService(session, name),
      ),
    );
}

interface Row {
  name: string;
  service?: ServiceView;
  /** CONNECTORS leaves it out there. */
  off?: boolean;
}

async function listServices(session: Session): Promise<void> {
  const { terminal, api, json } = session;
  const list = await catalogApi(api).services();
  if (json) return sayJson(terminal, list);
  const { style } = terminal;
  const columns: Column<Row>[] = [
    { title: 'SERVICE', value: ({ name }) => name, paint: style.bold },
    {
      title: 'HEALTH',
      value: ({ off, service }) => (off ? 'off' : healthText(service?.health)),
      paint: (text, { service }) => paintHealth(style, service?.health)(text),
      droppable: 0,
    },
    { title: 'WHAT', value: ({ service }) => service?.title ?? '', shrinksTo: 20 },
    {
      title: 'INPUTS',
      value: ({ service }) => (service?.inputs ?? []).map(({ field }) => field).join(', '),
      droppable: 3,
    },
    {
      title: 'MODELS',
      value: ({ service }) => (service?.models_total ? String(service.models_total) : ''),
      align: 'right',
      droppable: 2,
    },
    { title: 'WORKERS', value: ({ service }) => (service ? String(service.workers) : ''), align: 'right' },
    { title: 'POOLS', value: ({ service }) => service?.pools.join(', ') ?? '', shrinksTo: 10, droppable: 1 },
  ];
  const rows: Row[] = [
    ...list.services.map((service) => ({ name: service.name, service })),
    ...(list.off ?? []).map(({ name }) => ({ name, off: true })),
  ];
  for (const line of formatTable(rows, columns, style, terminal.stdout.columns)) say(terminal, line);
  const width = terminal.stderr.columns ?? 100;
  for (const line of reasonLines(list.services, terminal.errorStyle, width)) note(terminal, line);
  const families = [...new Set((list.off ?? []).map(({ family }) => family))];
  const off = `off: CONNECTORS does not name ${plain(families.join(', '))}`;
  for (const line of families.length > 0 ? wrap(off, width) : []) note(terminal, terminal.errorStyle.dim(line));
  note(terminal, terminal.errorStyle.dim('What one takes: switchyard services NAME'));
}

async function showService(session: Session, name: string): Promise<void> {
  const { terminal, api, json } = session;
  const service = await catalogApi(api).service(name);
  if (json) return sayJson(terminal, service);
  const { style, stdout } = terminal;
  const width = stdout.columns ?? 100;
  say(terminal, `${style.bold(service.name)}  ${plain(service.title)}`);
  for (const line of wrap(plain(service.description), width)) say(terminal, line);
  const told = service.health === 'no_worker' && service.health_reason !== undefined;
  const needs =
    service.required_env?.length && !told ? `; a worker needs ${plain(service.required_env.join(', '))}` : '';
  const present = service.workers === 0 ? style.warn(`no worker is there${needs}`) : count(service.workers, 'worker');
  say(terminal, `${style.dim(`Pools: ${service.pools.join(', ')};`)} ${present}`);
  for (const line of healthLines(service, style, width)) say(terminal, line);
  if (service.inputs.length > 0) {
    say(terminal, `\n${style.bold('Inputs')} ${style.dim('-i field=@file or -i field=URI')}`);
    for (const { field, required, mime, description } of service.inputs) {
      say(terminal, `  ${field}${required ? '' : ' (optional)'}  ${style.dim(mime.join(', '))}`);
      for (const line of wrap(plain(description), width - 4)) say(terminal, `    ${line}`);
    }
  }
  const inputFields = new Set(service.inputs.map(({ field }) => field));
  const fields = schemaFields(service.payload_schema).filter(({ path }) => !inputFields.has(path));
  if (fields.length > 0) {
    say(terminal, `\n${style.bold('Payload')} ${style.dim('--set field=value')}`);
    for (const line of fieldLines(fields, style, width)) say(terminal, `  ${line}`);
    if (fields.some(({ required }) => required)) say(terminal, style.dim('  * must be given'));
  }
  say(terminal, `\n${style.bold('Example')}\n  ${exampleCommand(service)}`);
}
