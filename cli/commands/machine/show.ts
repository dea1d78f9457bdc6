import type { Command } from 'commander';
import type { MachineCard, ServiceCard, WorkerCard } from '../../../contract/machine-card.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { MachineView } from '../../../contract/machine-view.ts';
import { machineApi } from '../../api-client/machines.ts';
import { formatAge, formatBytes, formatTime } from '../../output/format.ts';
import { keyValueLines } from '../../output/key-values.ts';
import type { Style } from '../../output/style.ts';
import { formatTable, type Column } from '../../output/table.ts';
import type { Session } from '../../session.ts';
import { note, say, sayJson } from '../../terminal.ts';
import { apiAction, examples, type CommandContext } from '../context.ts';

export function addListMachines(parent: Command, context: CommandContext): void {
  parent
    .command('machines')
    .description('List the machines: what they are, what they run, who is away')
    .addHelpText('after', examples(['switchyard machines', '']))
    .action(apiAction(context, listMachines));
}

export function addGetMachine(parent: Command, context: CommandContext): void {
  parent
    .command('get')
    .description('Show a machine: devices, services, workers')
    .argument('<id>', 'id of the machine')
    .action(apiAction(context, getMachine));
}

export function addMachineServices(parent: Command, context: CommandContext): void {
  parent
    .command('services')
    .description('List the services of a machine, with what they take')
    .argument('<id>', 'id of the machine')
    .action(
      apiAction(context, async (session: Session, id: string) => {
        const { card } = await machineApi(session.api).get(id);
        if (session.json) return sayJson(session.terminal, { services: card?.services ?? [] });
        if (!card?.services.length) return note(session.terminal, `Machine ${id} has no services of its own.`);
        table(session, card.services, serviceColumns(session.terminal.style));
      }),
    );
}

async function listMachines(session: Session): Promise<void> {
  const { terminal, json } = session;
  const list = await machineApi(session.api).list();
  if (json) return sayJson(terminal, list);
  if (list.machines.length === 0)
    return note(terminal, 'No machine is known. Start one: switchyard machine start --workers NAME');
  const { style } = terminal;
  const now = Date.now();
  const columns: Column<MachineView>[] = [
    { title: 'MACHINE', value: ({ id }) => id, paint: style.bold },
    { title: 'STATE', value: stateOf, paint: (text, view) => paintState(style, view)(text) },
    { title: 'GPUS', value: ({ card }) => String(card?.facts.gpus.length ?? ''), align: 'right' },
    { title: 'SERVICES', value: ({ card }) => upOf(card?.services, 'running'), align: 'right' },
    { title: 'WORKERS', value: ({ card }) => upOf(card?.workers, 'running'), align: 'right' },
    { title: 'JOBS', value: ({ presence, card }) => (presence === 'alive' ? jobsOf(card) : ''), align: 'right' },
    { title: 'CPU', value: ({ card }) => percent(card?.cpu_percent), align: 'right', droppable: 4 },
    {
      title: 'MEMORY LEFT',
      value: ({ card }) => (card ? formatBytes(card.facts.memory.available_bytes) : ''),
      droppable: 5,
    },
    { title: 'HOST', value: ({ card }) => card?.facts.hostname ?? '', shrinksTo: 8, droppable: 3 },
    { title: 'SEEN', value: (view) => formatAge(view.seen_at ?? view.away_since, now), droppable: 2 },
    { title: 'WHY', value: whyOf, shrinksTo: 12, droppable: 1 },
  ];
  table(session, list.machines, columns);
}

async function getMachine(session: Session, id: string): Promise<void> {
  const { terminal } = session;
  const view = await machineApi(session.api).get(id);
  if (session.json) return sayJson(terminal, view);
  const { style } = terminal;
  const { card } = view;
  const now = Date.now();
  const facts = card?.facts;
  const lines = keyValueLines(
    [
      ['Machine', style.bold(view.id)],
      ['State', paintState(style, view)(stateOf(view))],
      ['Why', whyOf(view) || undefined],
      ['Seen', view.seen_at && formatTime(view.seen_at, now)],
      ['Away since', view.away_since && formatTime(view.away_since, now)],
      ['Host', facts && `${facts.hostname} (${facts.platform} ${facts.arch})`],
      ['Started', card && formatTime(new Date(card.started_at).toISOString(), now)],
      ['Version', card?.version],
      [
        'Processor',
        facts &&
          [
            facts.cpu.model,
            `${facts.cpu.usable} cores`,
            card.cpu_percent === null ? '' : `${percent(card.cpu_percent)} in use`,
          ]
            .filter(Boolean)
            .join(', '),
      ],
      [
        'Memory',
        facts && `${formatBytes(facts.memory.available_bytes)} of ${formatBytes(facts.memory.total_bytes)} left`,
      ],
      [
        'Disk',
        facts &&
          `${formatBytes(facts.disk.free_bytes)} of ${formatBytes(facts.disk.total_bytes)} left (${facts.disk.path})`,
      ],
      ['Problems', facts?.gpu_problems],
    ],
    style,
  );
  for (const line of lines) say(terminal, line);
  if (facts?.gpus.length) section(session, 'GPUs', facts.gpus, gpuColumns());
  if (card?.services.length) section(session, 'Services', card.services, serviceColumns(style));
  if (card?.instances.length)
    section(session, 'Instances', card.instances, [
      { title: 'INSTANCE', value: (one) => one.name, paint: style.bold },
      { title: 'STATUS', value: (one) => one.status },
      { title: 'HEALTH', value: (one) => one.health },
      { title: 'JOBS', value: (one) => `${one.active_jobs}/${one.max_jobs}`, align: 'right' },
      { title: 'URL', value: (one) => one.url },
      { title: 'LAST ERROR', value: (one) => one.last_error ?? '', shrinksTo: 12, droppable: 1 },
    ]);
  if (card?.workers.length) section(session, 'Workers', card.workers, workerColumns(style));
}

function section<Row>(session: Session, title: string, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  say(session.terminal);
  say(session.terminal, session.terminal.style.bold(title));
  table(session, rows, columns);
}

function table<Row>({ terminal }: Session, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  for (const line of formatTable(rows, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
}

function gpuColumns(): Column<GpuFacts>[] {
  return [
    { title: 'GPU', value: ({ index }) => String(index), align: 'right' },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'USE', value: (gpu) => percent(gpu.utilization_percent), align: 'right' },
    { title: 'MEMORY', value: memoryOf, align: 'right' },
    { title: 'TEMPERATURE', value: ({ temperature_celsius: t }) => (t === null ? '' : `${t} °C`), align: 'right' },
  ];
}

function serviceColumns(style: Style): Column<ServiceCard>[] {
  return [
    { title: 'SERVICE', value: ({ name }) => name, paint: style.bold },
    {
      title: 'STATE',
      value: ({ state }) => state,
      paint: (text, one) => (one.state === 'running' ? style.good : style.bad)(text),
    },
    { title: 'PORT', value: ({ port }) => String(port ?? ''), align: 'right' },
    { title: 'GPU', value: ({ gpus }) => gpus.join(','), align: 'right', droppable: 4 },
    { title: 'PID', value: ({ pid }) => String(pid ?? ''), align: 'right', droppable: 3 },
    { title: 'CPU', value: (one) => percent(one.cpu_percent), align: 'right' },
    { title: 'MEMORY', value: bytesOf, align: 'right' },
    { title: 'RESTARTS', value: ({ restarts }) => String(restarts), align: 'right' },
    { title: 'WHY', value: ({ reason }) => reason ?? '', shrinksTo: 12, droppable: 2 },
  ];
}

function workerColumns(style: Style): Column<WorkerCard>[] {
  return [
    { title: 'WORKER', value: ({ name }) => name, paint: style.bold },
    {
      title: 'STATE',
      value: ({ state }) => state,
      paint: (text, one) => (one.state === 'running' ? style.good : style.bad)(text),
    },
    { title: 'JOBS', value: (one) => `${one.active_jobs}/${one.slots}`, align: 'right' },
    { title: 'QUEUES', value: (one) => one.task_queues.join(', '), shrinksTo: 12 },
    { title: 'CPU', value: (one) => percent(one.cpu_percent), align: 'right', droppable: 4 },
    { title: 'MEMORY', value: bytesOf, align: 'right', droppable: 3 },
    { title: 'RESTARTS', value: ({ restarts }) => String(restarts), align: 'right', droppable: 5 },
    { title: 'HOT MODELS', value: (one) => one.hot_models.join(', '), shrinksTo: 10, droppable: 2 },
    { title: 'WHY', value: ({ reason }) => reason ?? '', shrinksTo: 12, droppable: 1 },
  ];
}

/** What it does when it is there, else that it is not. */
export function stateOf({ presence, card }: MachineView): string {
  return presence === 'alive' && card ? card.state : presence;
}

function paintState(style: Style, view: MachineView): (text: string) => string {
  const state = stateOf(view);
  if (state === 'ready') return style.good;
  return ['away', 'failed', 'exhausted'].includes(state) ? style.bad : style.warn;
}

export function whyOf({ presence, reason, card }: MachineView): string {
  return (presence === 'alive' ? card?.state_reason : reason) ?? '';
}

function upOf(list: readonly { state: string }[] | undefined, up: string): string {
  return list ? `${list.filter(({ state }) => state === up).length}/${list.length}` : '';
}

export function jobsOf(card: MachineCard | undefined): string {
  if (!card) return '';
  const sum = (value: (worker: WorkerCard) => number) => card.workers.reduce((total, one) => total + value(one), 0);
  return `${sum((one) => one.active_jobs)}/${sum((one) => one.slots)}`;
}

function percent(value: number | null | undefined): string {
  return value == null ? '' : `${Math.round(value)}%`;
}

function bytesOf({ memory_bytes: bytes }: { memory_bytes?: number }): string {
  return bytes === undefined ? '' : formatBytes(bytes);
}

function memoryOf({ memory_used_bytes: used, memory_total_bytes: total }: GpuFacts): string {
  return total === null ? '' : `${used === null ? '?' : formatBytes(used)} / ${formatBytes(total)}`;
}
