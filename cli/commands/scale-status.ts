import type { Command } from 'commander';
import type { PoolScalingView, ScalingView } from '../../contract/scaling.ts';
import { formatAge, formatElapsed } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { refuseWords } from './unknown-word.ts';

export function addScaleStatus(parent: Command, context: CommandContext): void {
  const status = parent
    .command('status', { isDefault: true })
    .description('How many workers each pool wants and has, why, what it cost today, and its alerts')
    .addHelpText('after', examples(['switchyard scale status', ''], ['switchyard scale status --json', '']))
    .action(apiAction(context, showScaling));
  refuseWords(status);
}

async function showScaling({ terminal, api, json }: Session): Promise<void> {
  const view = await api.json<ScalingView>('/scaling');
  if (json) return sayJson(terminal, view);
  const { style, stdout } = terminal;
  if (view.pools.length === 0) {
    note(terminal, 'No pool scales. Give one "scaling" in pools.json: docs/scaling.md tells how');
    return;
  }
  if (!view.active) {
    const last = view.seen_at === undefined ? '' : ` The last one looked ${formatAge(view.seen_at, Date.now())}.`;
    note(
      terminal,
      terminal.errorStyle.warn(
        `No scaler is at work: nobody starts or stops workers.${last} npm start runs one; so does: switchyard scale run`,
      ),
    );
  }
  const columns: Column<PoolScalingView>[] = [
    { title: 'POOL', value: ({ pool }) => pool, paint: style.bold },
    { title: 'WANTED', value: ({ wanted }) => String(wanted), align: 'right' },
    { title: 'WORKERS', value: workersText },
    {
      title: 'LIMITS',
      value: ({ min_workers: min, max_workers: max }) => `${min}-${max}`,
      align: 'right',
      droppable: 4,
    },
    { title: 'WAITING', value: waitingText, align: 'right' },
    { title: 'RUNNING', value: ({ running }) => String(running), align: 'right', droppable: 3 },
    { title: 'COST TODAY', value: costText, align: 'right', droppable: 1 },
    { title: 'BY', value: ({ driver }) => driver, droppable: 5 },
    { title: 'WHY', value: ({ reason }) => reason, shrinksTo: 16, paint: style.dim },
  ];
  for (const line of formatTable(view.pools, columns, style, stdout.columns)) say(terminal, line);
  for (const { pool, alerts } of view.pools) {
    for (const { severity, message } of alerts) {
      const paint = severity === 'critical' ? style.bad : style.warn;
      say(terminal, paint(`${pool}: ${message}`));
    }
  }
}

function workersText({ ready, starting, draining }: PoolScalingView): string {
  const parts = [
    `${ready} ready`,
    starting > 0 ? `${starting} starting` : '',
    draining > 0 ? `${draining} draining` : '',
  ];
  return parts.filter(Boolean).join(', ');
}

function waitingText({ backlog, oldest_ms: oldest }: PoolScalingView): string {
  return backlog === 0 ? '0' : `~${backlog} (${formatElapsed(oldest)})`;
}

function costText({ cost_today: cost, budget_per_day: budget }: PoolScalingView): string {
  if (cost === undefined) return '';
  return budget === undefined ? cost.toFixed(2) : `${cost.toFixed(2)} of ${budget}`;
}
