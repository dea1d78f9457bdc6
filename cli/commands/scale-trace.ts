import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import pLimit from 'p-limit';
import type { JobSummary, JobView } from '../../contract/job-view.ts';
import type { JobPage } from '../api-client/answers.ts';
import { jobApi } from '../api-client/jobs.ts';
import { count } from '../output/format.ts';
import type { Session } from '../session.ts';
import { note, say } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { wholeNumber } from './option-values.ts';

interface TraceOptions {
  pool?: string;
  limit: number;
  out?: string;
}

const PAGE = 200;
const AT_A_TIME = 8;

export function addScaleTrace(parent: Command, context: CommandContext): void {
  parent
    .command('trace')
    .description('Write the latest jobs of this site as a trace for "scale simulate"')
    .option('--pool <pool>', 'only jobs of this pool')
    .option('-n, --limit <n>', 'how many of the latest jobs that ended', wholeNumber(1, 10_000), 500)
    .option('--out <file>', 'write there instead of to standard output')
    .addHelpText(
      'after',
      `${examples(['switchyard scale trace --pool heavy --out trace.jsonl', ''])}

JSON lines: when the job came, how long it ran, its pool, and whether it failed. One request per job: the start of a
job stands in no list. Jobs that never started are left out.`,
    )
    .action(apiAction(context, writeTrace));
}

async function writeTrace({ terminal, api }: Session, { pool, limit, out }: TraceOptions): Promise<void> {
  const jobs = jobApi(api);
  const ended: JobSummary[] = [];
  let cursor: string | undefined;
  do {
    const page: JobPage = await jobs.list({
      status: ['completed', 'failed', 'timed_out'],
      pool,
      limit: Math.min(PAGE, limit - ended.length),
      cursor,
    });
    ended.push(...page.jobs);
    cursor = page.next_cursor;
  } while (cursor !== undefined && ended.length < limit);
  const few = pLimit(AT_A_TIME);
  const views = await Promise.all(ended.map(({ id }) => few(() => jobs.get(id))));
  const lines = views.flatMap(lineOf).toSorted((a, b) => a.at.localeCompare(b.at));
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  if (out === undefined) {
    if (text) say(terminal, text);
  } else writeFileSync(resolve(terminal.cwd, out), text ? `${text}\n` : '');
  note(terminal, `${count(lines.length, 'job')}${out === undefined ? '' : ` written to ${out}`}`);
}

function lineOf({ created_at, started_at, ended_at, pool, status }: JobView) {
  if (started_at === undefined || ended_at === undefined) return [];
  const duration = Math.max(0, Date.parse(ended_at) - Date.parse(started_at));
  return [{ at: created_at, duration, pool, ...(status === 'completed' ? {} : { failed: true }) }];
}
