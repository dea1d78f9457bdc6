import { type Command, Option } from 'commander';
import type { WorkflowRecord } from '../../../connectors/comfyui/instances/workflow-records.ts';
import type { InstanceAlert, InstanceStats } from '../../../contract/instance.ts';
import { INSTANCE_STATUSES } from '../../../contract/machine-card.ts';
import type { InstanceView } from '../../../contract/machine-view.ts';
import { instanceApi, type InstanceJson } from '../../api-client/instances.ts';
import { clock, formatBytes, formatElapsed, formatTime } from '../../output/format.ts';
import { keyValueLines } from '../../output/key-values.ts';
import type { Style } from '../../output/style.ts';
import { formatTable, type Column } from '../../output/table.ts';
import type { Session } from '../../session.ts';
import { note, say, sayJson } from '../../terminal.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';
import { collectList } from '../option-values.ts';
import { refuseWords } from '../unknown-word.ts';
import { ask } from './change.ts';
import { chooseMachine, machineOption, type MachineOption } from './choose-machine.ts';

interface ListOptions {
  machine?: string[];
  status?: string[];
}

export function addListInstances(parent: Command, context: CommandContext): void {
  const listed = parent
    .command('list', { isDefault: true })
    .description('List the instances of all machines')
    .option('--machine <ids>', 'only of these machines', collectList)
    .addOption(
      new Option('--status <states>', 'only with these states, set apart by commas')
        .choices(INSTANCE_STATUSES)
        .argParser(collectList),
    )
    .addHelpText('after', examples(['switchyard instances list --status running,paused', '']))
    .action(
      apiAction(context, async (session: Session, query: ListOptions) => {
        const list = await instanceApi(session.api).list(query);
        if (session.json) return sayJson(session.terminal, list);
        if (list.instances.length === 0)
          return note(session.terminal, 'There are none. Make one: switchyard instances create NAME');
        table(session, list.instances);
      }),
    );
  refuseWords(listed);
}

function table({ terminal }: Session, instances: readonly InstanceView[]): void {
  const { style } = terminal;
  const columns: Column<InstanceView>[] = [
    { title: 'INSTANCE', value: ({ id }) => id, paint: style.bold },
    { title: 'NAME', value: ({ name }) => name, shrinksTo: 8 },
    { title: 'MACHINE', value: ({ machine }) => machine },
    { title: 'STATUS', value: statusOf, paint: (text, one) => paintStatus(style, one)(text) },
    { title: 'HEALTH', value: healthOf },
    { title: 'ACTIVE', value: ({ active }) => (active ? 'yes' : ''), droppable: 4 },
    { title: 'JOBS', value: (one) => `${one.active_jobs}/${one.max_jobs}`, align: 'right' },
    { title: 'GPU', value: ({ gpus }) => gpus.join(','), align: 'right', droppable: 3 },
    { title: 'URL', value: ({ url }) => url, droppable: 2 },
    { title: 'LAST ERROR', value: (one) => one.last_error ?? '', shrinksTo: 12, droppable: 1 },
  ];
  for (const line of formatTable(instances, columns, style, terminal.stdout.columns)) say(terminal, line);
}

/** What is told of an instance whose machine is gone would be what was. */
function statusOf({ presence, status }: InstanceView): string {
  return presence === 'alive' ? status : `machine ${presence}`;
}

function healthOf({ presence, status, health }: InstanceView): string {
  return presence === 'alive' && (status === 'running' || status === 'paused') ? health : '';
}

function paintStatus(style: Style, { presence, status }: InstanceView): (text: string) => string {
  if (presence !== 'alive' || status === 'error') return style.bad;
  return status === 'running' ? style.good : style.warn;
}

export function addGetInstance(parent: Command, context: CommandContext): void {
  addAbout(
    parent,
    context,
    'get',
    'Show an instance: configuration, health, statistics',
    async (session, machine, id) => {
      const found = await instanceApi(session.api).get(machine, id);
      if (session.json) return sayJson(session.terminal, found);
      const { details, gpus } = found;
      const { config } = details;
      print(session, [
        ['Instance', session.terminal.style.bold(id)],
        ['Name', details.name],
        ['Machine', machine],
        ['URL', details.url],
        ['Status', `${details.status}${details.active ? ', the active one' : ''}`],
        ...healthEntries(details.health),
        ['Process', details.managed ? 'the machine starts and stops it' : 'runs by itself'],
        ['GPU', gpus.length > 0 ? gpus.join(', ') : config.gpuDevice],
        ['Jobs at a time', String(config.maxConcurrentWorkflows)],
        ['Time-out', formatElapsed(config.timeoutMs)],
        ['Starts with the machine', config.autoStart ? 'yes' : 'no'],
        ['Variables', Object.entries(config.envVars ?? {}).map(([name, value]) => `${name}=${value}`)],
        ['Custom nodes', config.customNodesPath],
        ['Description', config.description],
        ...statEntries(details.stats),
        ['Created', formatTime(details.createdAt, Date.now())],
        ['Last used', details.lastUsedAt === null ? undefined : formatTime(details.lastUsedAt, Date.now())],
        ['Alerts', alertLines(details.alerts)],
      ]);
    },
  );
}

interface HealthAnswer {
  health: InstanceJson['health'];
  alerts: InstanceAlert[];
  errors: { at: string; message: string }[];
}

export function addInstanceHealth(parent: Command, context: CommandContext): void {
  addAbout(parent, context, 'health', 'Ask an instance now how it is', async (session, machine, id) => {
    const answer = await ask<HealthAnswer>(session, machine, { kind: 'instance.health', args: { id } });
    if (session.json) return sayJson(session.terminal, answer);
    print(session, [
      ...healthEntries(answer.health),
      ['Alerts', alertLines(answer.alerts)],
      ['Errors', answer.errors.map(({ at, message }) => `${at} ${message}`)],
    ]);
  });
}

interface HistoryAnswer {
  stats: InstanceStats;
  workflows: WorkflowRecord[];
}

export function addInstanceHistory(parent: Command, context: CommandContext): void {
  addAbout(
    parent,
    context,
    'history',
    'Statistics of an instance, and its latest jobs',
    async (session, machine, id) => {
      const answer = await ask<HistoryAnswer>(session, machine, { kind: 'instance.stats', args: { id } });
      const { terminal } = session;
      if (session.json) return sayJson(terminal, answer);
      print(session, statEntries(answer.stats));
      if (answer.workflows.length === 0) return;
      say(terminal);
      const columns: Column<WorkflowRecord>[] = [
        { title: 'JOB', value: ({ workflowId }) => workflowId, paint: terminal.style.bold },
        { title: 'OUTCOME', value: ({ outcome }) => outcome },
        { title: 'BEGAN', value: ({ startedAt }) => clock(new Date(startedAt)) },
        { title: 'TOOK', value: ({ durationMs }) => formatElapsed(durationMs), align: 'right' },
        { title: 'ERROR', value: ({ error }) => error ?? '', shrinksTo: 12, droppable: 1 },
      ];
      for (const line of formatTable(answer.workflows, columns, terminal.style, terminal.stdout.columns))
        say(terminal, line);
    },
  );
}

type Entries = Parameters<typeof keyValueLines>[0];

function print({ terminal }: Session, entries: Entries): void {
  for (const line of keyValueLines(entries, terminal.style)) say(terminal, line);
}

function healthEntries({ status, reason, lastChecked, responseTime, systemStats }: InstanceJson['health']): Entries {
  const free = systemStats?.gpuMemoryFree;
  return [
    ['Health', reason ? `${status}: ${reason}` : status],
    ['Checked', lastChecked === null ? 'never' : `${formatTime(lastChecked, Date.now())}, in ${responseTime} ms`],
    ['Jobs on it', systemStats && String(systemStats.activeWorkflows)],
    ['GPU memory left', free === undefined ? undefined : formatBytes(free)],
  ];
}

function statEntries(stats: InstanceStats): Entries {
  const { totalWorkflows: all, successfulWorkflows: good, failedWorkflows: bad } = stats;
  return [
    ['Jobs so far', all === 0 ? 'none' : `${all}: ${good} well, ${bad} failed`],
    ['Average', all === 0 ? undefined : formatElapsed(stats.averageResponseTime)],
    ['Up for', stats.uptime === 0 ? undefined : formatElapsed(stats.uptime)],
    ['Last error', stats.lastError],
  ];
}

function alertLines(alerts: readonly InstanceAlert[]): string[] {
  return alerts.map(({ raisedAt, endedAt, message }) => `${raisedAt} ${message}${endedAt ? ' (over)' : ''}`);
}

function addAbout(
  parent: Command,
  context: CommandContext,
  name: string,
  description: string,
  show: (session: Session, machine: string, id: string) => Promise<void>,
): void {
  machineOption(parent.command(name).description(description).argument('<instance>', 'its id')).action(
    apiAction(context, async (session: Session, id: string, options: MachineOption) =>
      show(session, await chooseMachine(session, options, [id]), id),
    ),
  );
}
