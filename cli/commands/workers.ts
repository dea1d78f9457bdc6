import type { Command } from 'commander';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import { needsInWords } from '../../platform/routing/need-of.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { formatAge } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addWorkers(parent: Command, context: CommandContext): void {
  parent
    .command('workers')
    .description('List the workers that are there, by their own heartbeats')
    .addHelpText('after', examples(['switchyard workers', '']))
    .action(apiAction(context, listWorkers));
}

async function listWorkers({ terminal, api, json }: Session): Promise<void> {
  const list = await catalogApi(api).workers();
  if (json) return sayJson(terminal, list);
  if (list.workers.length === 0) {
    note(terminal, 'No worker is there: jobs wait. Start one: switchyard worker --pool POOL');
    return;
  }
  const { style, stdout } = terminal;
  const now = Date.now();
  const needy = list.workers.some(({ shares }) => shares !== undefined);
  const columns: Column<WorkerPresence>[] = [
    { title: 'QUEUE', value: (worker) => worker.task_queue, paint: style.bold },
    { title: 'BUSY', value: slots, align: 'right' },
    ...(needy ? [{ title: 'HAS', value: hasText, droppable: 3 }] : []),
    { title: 'STATE', value: stateOf, droppable: 2 },
    { title: 'HOST', value: (worker) => worker.host, shrinksTo: 8, droppable: 3 },
    { title: 'PID', value: (worker) => worker.process_id, align: 'right', droppable: 4 },
    { title: 'CPU', value: (worker) => percent(worker.host_cpu), align: 'right', droppable: 5 },
    { title: 'MEMORY', value: (worker) => percent(worker.host_memory), align: 'right', droppable: 6 },
    { title: 'SINCE', value: (worker) => formatAge(worker.started_at, now), droppable: 2 },
    { title: 'HEARTBEAT', value: (worker) => formatAge(worker.heartbeat_at, now), droppable: 1 },
  ];
  const sorted = list.workers.toSorted((a, b) => a.task_queue.localeCompare(b.task_queue));
  for (const line of formatTable(sorted, columns, style, stdout.columns)) say(terminal, line);
}

function hasText({ task_queue: queue }: WorkerPresence): string {
  return needsInWords(queue) ?? '';
}

function stateOf({ leaving, version }: WorkerPresence): string {
  const build = version === undefined ? '' : ` build ${version.slice(version.indexOf(':') + 1)}`;
  return `${leaving ? 'leaving' : 'serving'}${build}`;
}

function slots({ slots_used: used, slots_free: free }: WorkerPresence): string {
  return free < 0 ? String(used) : `${used}/${used + free}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '' : `${Math.round(share * 100)}%`;
}
