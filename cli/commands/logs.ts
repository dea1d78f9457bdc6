import type { Command } from 'commander';
import type { JobLogLine } from '../../platform/logging/job-log.ts';
import { jobApi } from '../api-client/jobs.ts';
import { resolveJobId } from '../last-job.ts';
import { clock } from '../output/format.ts';
import type { Style } from '../output/style.ts';
import { plain, plainLines } from '../output/text-width.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { wholeNumber } from './option-values.ts';

export function addLogs(parent: Command, context: CommandContext): void {
  parent
    .command('logs')
    .description('Show what was logged about a job on the machine of the API')
    .argument('<id>', 'id of the job, or "last"')
    .option('-n, --limit <n>', 'how many lines, the latest', wholeNumber(1, 5_000), 500)
    .addHelpText('after', examples(['switchyard logs last', ''], ['switchyard logs ID --json | jq -c ".logs[]"', '']))
    .action(apiAction(context, logs));
}

async function logs(session: Session, given: string, options: { limit: number }): Promise<void> {
  const { terminal } = session;
  const id = await resolveJobId(session, given);
  const page = await jobApi(session.api).logs(id, options.limit);
  if (session.json) return sayJson(terminal, page);
  for (const line of page.logs) for (const text of logLines(line, terminal.style)) say(terminal, text);
  if (page.logs.length === 0) note(terminal, `Nothing was logged about job ${id}.`);
  if (page.note) note(terminal, page.note);
}

/** What every line of a process carries and no reader of one job's lines needs. */
const NOISE = new Set([
  ...['time', 'level', 'message', 'name', 'job_id', 'pid', 'hostname', 'err', 'event'],
  ...['machine_id', 'worker_id', 'connector_id', 'service_type', 'service', 'pool'],
]);

function logLines(line: JobLogLine, style: Style): string[] {
  const { time, level, message, name, err } = line;
  const paint = level === 'error' || level === 'fatal' ? style.bad : level === 'warn' ? style.warn : style.dim;
  const fields = Object.entries(line)
    .filter(([key]) => !NOISE.has(key))
    .flatMap(([key, value]) => fieldTexts(key, value));
  const error = (err as { message?: unknown } | undefined)?.message;
  return [
    [
      style.dim(clock(new Date(time))),
      paint(level.padEnd(5)),
      typeof name === 'string' ? style.dim(plain(name)) : '',
      plain(message),
      style.dim(plain(fields.join(' '))),
    ]
      .filter(Boolean)
      .join(' '),
    ...(typeof error === 'string' ? plainLines(error).map((text) => `               ${style.bad(text)}`) : []),
  ];
}

/** `attempt=2`; counts such as token_usage one by one. Larger structures are for `--json`. */
function fieldTexts(key: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`];
  if (Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, count]) =>
    typeof count === 'number' ? [`${key}.${name}=${count}`] : [],
  );
}
