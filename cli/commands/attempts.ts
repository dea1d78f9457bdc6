import type { Command } from 'commander';
import type { JobAttempt } from '../../platform/jobs/job-attempts.ts';
import { jobApi } from '../api-client/jobs.ts';
import { resolveJobId } from '../last-job.ts';
import { clock, formatElapsed } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addAttempts(parent: Command, context: CommandContext): void {
  parent
    .command('attempts')
    .description('Show what became of each attempt of a job')
    .argument('<id>', 'id of the job, or "last"')
    .addHelpText('after', examples(['switchyard attempts last', '']))
    .action(apiAction(context, attempts));
}

async function attempts(session: Session, given: string): Promise<void> {
  const { terminal } = session;
  const id = await resolveJobId(session, given);
  const list = await jobApi(session.api).attempts(id);
  if (session.json) return sayJson(terminal, list);
  if (list.attempts.length === 0) return note(terminal, `Job ${id} has not been started yet.`);
  const columns: Column<JobAttempt>[] = [
    { title: 'ATTEMPT', value: (attempt) => String(attempt.number), align: 'right' },
    { title: 'STATUS', value: stateText },
    { title: 'POOL', value: (attempt) => attempt.pool ?? '', droppable: 3 },
    { title: 'STARTED', value: (attempt) => time(attempt.started_at), droppable: 4 },
    { title: 'TOOK', value: took, align: 'right', droppable: 2 },
    { title: 'WORKER', value: (attempt) => attempt.worker ?? '', shrinksTo: 12, droppable: 5 },
    {
      title: 'ERROR',
      value: ({ error }) => (error ? `${error.code}: ${error.message}` : ''),
      shrinksTo: 20,
      droppable: 1,
      paint: terminal.style.bad,
    },
  ];
  for (const line of formatTable(list.attempts, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
}

function stateText({ state, next_try_at: next }: JobAttempt): string {
  const left = next === undefined ? 0 : Date.parse(next) - Date.now();
  return `${state.replace('_', ' ')}${left > 0 ? `, next try in ${formatElapsed(left)}` : ''}`;
}

function time(iso: string | undefined): string {
  return iso === undefined ? '' : clock(new Date(iso));
}

function took({ started_at: from, ended_at: to }: JobAttempt): string {
  return from && to ? formatElapsed(Date.parse(to) - Date.parse(from)) : '';
}
