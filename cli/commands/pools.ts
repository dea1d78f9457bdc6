import type { Command } from 'commander';
import type { PoolView } from '../api-client/answers.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { formatDuration } from '../../contract/duration.ts';
import { offersText, poolState, waitingText } from '../output/pool-lines.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { say, sayJson } from '../terminal.ts';
import { addPoolCommands } from './change-pool.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { refuseWords } from './unknown-word.ts';

export function addPools(parent: Command, context: CommandContext): void {
  const pools = parent
    .command('pools')
    .description('List the pools, or look at one, pause, resume, drain or change it')
    .usage('[command] [options]')
    .addHelpText(
      'after',
      examples(
        ['switchyard pools', ''],
        ['switchyard pools pause heavy --note "driver update"', ''],
        ['switchyard pools drain heavy --wait', ''],
        ['switchyard pools set heavy max_concurrent_jobs=1', ''],
      ),
    )
    .action(apiAction(context, listPools));
  addPoolCommands(pools, context);
  refuseWords(pools, pools);
}

async function listPools({ terminal, api, json }: Session): Promise<void> {
  const list = await catalogApi(api).pools();
  if (json) return sayJson(terminal, list);
  const columns: Column<PoolView>[] = [
    { title: 'POOL', value: (pool) => pool.name, paint: terminal.style.bold },
    { title: 'STATE', value: poolState, shrinksTo: 8 },
    { title: 'SERVICES', value: (pool) => pool.services.join(', '), shrinksTo: 10 },
    { title: 'WORKERS', value: (pool) => String(pool.workers), align: 'right' },
    { title: 'BUSY', value: (pool) => `${pool.slots_used}/${pool.slots_used + pool.slots_free}`, align: 'right' },
    {
      title: 'WAITING',
      value: (pool) => waitingText(pool.queues.flatMap((queue) => [queue, ...(queue.derived ?? [])])),
      align: 'right',
    },
    { title: 'OFFERS', value: offersText, droppable: 3 },
    { title: 'TIMEOUT', value: (pool) => formatDuration(pool.timeout_seconds * 1_000), align: 'right', droppable: 5 },
    { title: 'RETRIES', value: (pool) => String(pool.retry_attempts), align: 'right', droppable: 6 },
    { title: 'WHAT FOR', value: (pool) => pool.description, shrinksTo: 12, droppable: 2, paint: terminal.style.dim },
  ];
  for (const line of formatTable(list.pools, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
}
