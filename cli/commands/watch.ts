import type { Command } from 'commander';
import { resolveJobId } from '../last-job.ts';
import type { Session } from '../session.ts';
import { watchJob, type WatchOptions } from '../watch/watch-job.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addWatch(parent: Command, context: CommandContext): void {
  parent
    .command('watch')
    .description('Watch a job to its end; the exit code tells how it ended')
    .argument('<id>', 'id of the job, or "last"')
    .option('-o, --out <dir>', 'fetch its artifacts into this folder at the end')
    .option('--cancel-on-interrupt', 'the first Ctrl-C cancels the job instead of leaving it')
    .addHelpText(
      'after',
      examples(
        ['switchyard watch last', 'a bar on a terminal, lines in a pipe'],
        ['switchyard watch ID --json', 'one event per line'],
        ['switchyard watch ID && echo done', ''],
      ),
    )
    .action(apiAction(context, watch));
}

async function watch(session: Session, id: string, options: WatchOptions) {
  return watchJob(session, await resolveJobId(session, id), options);
}
