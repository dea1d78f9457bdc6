import type { Command } from 'commander';
import type { PoolView } from '../api-client/answers.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { formatDuration } from '../../contract/duration.ts';
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
    { title: 'OFFERS', value: offersText, droppable: 3 },
    { title: 'AT A TIME', value: (pool) => String(pool.max_concurrent_jobs), align: 'right', droppable: 4 },
    { title: 'TIMEOUT', value: (pool) => formatDuration(pool.timeout_seconds * 1_000), align: 'right', droppable: 5 },
    { title: 'RETRIES', value: (pool) => String(pool.retry_attempts), align: 'right', droppable: 6 },
    { title: 'WHAT FOR', value: (pool) => pool.description, shrinksTo: 12, droppable: 2, paint: terminal.style.dim },
  ];
  for (const line of formatTable(list.pools, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
}

function offersText({ offers }: PoolView): string {
  if (offers.gpu_count === 0) return offers.machine_type;
  const memory = offers.gpu_memory_mb > 0 ? ` of ${offers.gpu_memory_mb} MiB` : '';
  return `${offers.machine_type}, ${offers.gpu_count} GPU${memory}`;
}
