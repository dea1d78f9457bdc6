import type { Command } from 'commander';
import type { LogLine } from '../api-client/answers.ts';
import { jobApi } from '../api-client/jobs.ts';
import { resolveJobId } from '../last-job.ts';
import { clock } from '../output/format.ts';
import { plain } from '../output/text-width.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addLogs(parent: Command, context: CommandContext): void {
  parent
    .command('logs')
    .description('Show what was logged about a job')
    .argument('<id>', 'id of the job, or "last"')
    .addHelpText('after', examples(['switchyard logs last', '']))
    .action(apiAction(context, logs));
}

async function logs(session: Session, given: string): Promise<void> {
  const { terminal } = session;
  const id = await resolveJobId(session, given);
  const page = await jobApi(session.api).logs(id);
  if (session.json) return sayJson(terminal, page);
  if (page.logs.length === 0) return note(terminal, `Nothing was logged about job ${id}.`);
  for (const line of page.logs) say(terminal, logLine(session, line));
}

function logLine({ terminal: { style } }: Session, { time, level, message }: LogLine): string {
  const paint = level === 'error' || level === 'fatal' ? style.bad : level === 'warn' ? style.warn : style.dim;
  return `${style.dim(clock(new Date(time)))} ${paint(level.padEnd(5))} ${plain(message)}`;
}
