import type { Command } from 'commander';
import { JOB_STATUSES, type JobSummary } from '../../contract/job-view.ts';
import type { JobPage } from '../api-client/answers.ts';
import { jobApi, type JobFilter } from '../api-client/jobs.ts';
import { usageError } from '../cli-error.ts';
import { count, formatAge, formatElapsed } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { reasonText } from '../watch/watch-state.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { collectList, wholeNumber } from './option-values.ts';
import { refuseWords } from './unknown-word.ts';

interface ListOptions {
  status?: string[];
  service?: string;
  pool?: string;
  tag?: string[];
  limit: number;
  cursor?: string;
  all?: boolean;
}

export function addListJobs(parent: Command, context: CommandContext): void {
  const list = parent
    .command('list', { isDefault: true })
    .description('List jobs: those that go on first, then the newest')
    .option('-s, --status <status>', `only these: ${JOB_STATUSES.join(', ')}; repeatable`, collectList)
    .option('--service <service>', 'only jobs of this service')
    .option('--pool <pool>', 'only jobs of this pool')
    .option('--tag <tag>', 'only jobs with this tag; repeatable', collectList)
    .option('-n, --limit <n>', 'how many', wholeNumber(1, 200), 20)
    .option('--cursor <cursor>', 'go on where an earlier list ended: its next_cursor, from --json')
    .option('--all', 'all of them, page by page')
    .addHelpText(
      'after',
      examples(
        ['switchyard jobs --status running,queued', 'what is going on'],
        ['switchyard jobs --tag nightly --status failed --all', ''],
        ['switchyard jobs --json | jq -r ".jobs[].id"', ''],
      ),
    )
    .action(apiAction(context, listJobs));
  refuseWords(list);
}

async function listJobs(session: Session, options: ListOptions): Promise<void> {
  const unknown = options.status?.find((status) => !(JOB_STATUSES as readonly string[]).includes(status));
  if (unknown !== undefined) {
    throw usageError(`--status ${unknown}: there is no such status`, `One of: ${JOB_STATUSES.join(', ')}`);
  }
  const { all, ...filter } = options;
  const page = await fetchPages(session, all ? { ...filter, limit: 200 } : filter, all ?? false);
  if (session.json) return sayJson(session.terminal, page);
  const { terminal } = session;
  if (page.jobs.length === 0) {
    note(
      terminal,
      isFiltered(options) ? 'No job matches.' : 'No job yet. Make one: switchyard submit simulation --watch',
    );
    return;
  }
  for (const line of formatTable(page.jobs, columns(session, Date.now()), terminal.style, terminal.stdout.columns)) {
    say(terminal, line);
  }
  if (page.next_cursor) {
    const shown = `${count(page.jobs.length, 'job')} shown; more with --limit or --all`;
    note(terminal, terminal.errorStyle.dim(shown));
  }
}

async function fetchPages(session: Session, filter: JobFilter, all: boolean): Promise<JobPage> {
  const api = jobApi(session.api);
  let page = await api.list(filter);
  const jobs = [...page.jobs];
  while (all && page.next_cursor) {
    page = await api.list({ ...filter, cursor: page.next_cursor });
    jobs.push(...page.jobs);
  }
  return { ...page, jobs };
}

function isFiltered(options: ListOptions): boolean {
  return Boolean(options.status || options.service || options.pool || options.tag || options.cursor);
}

function columns({ terminal: { style } }: Session, now: number): Column<JobSummary>[] {
  return [
    { title: 'ID', value: (job) => job.id },
    { title: 'STATUS', value: (job) => job.status, paint: (text, job) => style.status(job.status, text) },
    { title: 'SERVICE', value: (job) => job.service, shrinksTo: 12 },
    { title: 'POOL', value: (job) => job.pool, shrinksTo: 9, droppable: 3 },
    { title: 'AGE', value: (job) => formatAge(job.created_at, now) },
    { title: 'TOOK', value: took, align: 'right', droppable: 4 },
    { title: 'PRIO', value: (job) => (job.priority === 3 ? '' : String(job.priority)), align: 'right', droppable: 6 },
    { title: 'TAGS', value: (job) => job.tags.join(','), shrinksTo: 8, droppable: 5, paint: style.dim },
    { title: 'WHAT', value: what, shrinksTo: 10, droppable: 2, paint: style.dim },
  ];
}

function took(job: JobSummary): string {
  return job.ended_at ? formatElapsed(Date.parse(job.ended_at) - Date.parse(job.created_at)) : '';
}

/** What the job does, why it waits, or how it failed. */
function what(job: JobSummary): string {
  if (job.status === 'running' && job.progress) {
    return [`${Math.floor(job.progress.percent)}%`, job.progress.message ?? ''].filter(Boolean).join(' ');
  }
  if (job.status_reason) return reasonText(job.status_reason);
  return job.error_code ?? '';
}
