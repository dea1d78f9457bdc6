import type { Command } from 'commander';
import type { PoolView } from '../api-client/answers.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { formatDuration } from '../../contract/duration.ts';
import { formatElapsed } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addPools(parent: Command, context: CommandContext): void {
  parent
    .command('pools')
    .description('List the pools: what they offer, what they run, who is there')
    .addHelpText('after', examples(['switchyard pools', '']))
    .action(apiAction(context, listPools));
}

async function listPools({ terminal, api, json }: Session): Promise<void> {
  const list = await catalogApi(api).pools();
  if (json) return sayJson(terminal, list);
  const columns: Column<PoolView>[] = [
    { title: 'POOL', value: (pool) => pool.name, paint: terminal.style.bold },
    { title: 'SERVICES', value: (pool) => pool.services.join(', '), shrinksTo: 10 },
    { title: 'WORKERS', value: (pool) => String(pool.workers), align: 'right' },
    { title: 'BUSY', value: (pool) => `${pool.slots_used}/${pool.slots_used + pool.slots_free}`, align: 'right' },
    { title: 'WAITING', value: waitingText, align: 'right' },
    { title: 'OFFERS', value: offersText, droppable: 3 },
    { title: 'TIMEOUT', value: (pool) => formatDuration(pool.timeout_seconds * 1_000), align: 'right', droppable: 5 },
    { title: 'RETRIES', value: (pool) => String(pool.retry_attempts), align: 'right', droppable: 6 },
    { title: 'WHAT FOR', value: (pool) => pool.description, shrinksTo: 12, droppable: 2, paint: terminal.style.dim },
  ];
  for (const line of formatTable(list.pools, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
}

/** Jobs that wait for a worker of the pool, and for how long the first of them has. */
function waitingText({ queues }: PoolView): string {
  const known = queues.flatMap(({ backlog }) => backlog ?? []);
  if (known.length < queues.length) return '?';
  const queued = known.reduce((sum, backlog) => sum + backlog.queued, 0);
  const oldest = Math.max(0, ...known.map((backlog) => backlog.oldest_ms));
  return queued === 0 ? '0' : `~${queued} (${formatElapsed(oldest)})`;
}

function offersText({ offers }: PoolView): string {
  if (offers.gpu_count === 0) return offers.machine_type;
  const memory = offers.gpu_memory_mb > 0 ? ` of ${offers.gpu_memory_mb} MiB` : '';
  return `${offers.machine_type}, ${offers.gpu_count} GPU${memory}`;
}
