import type { Command } from 'commander';
import { isTerminal } from '../../contract/job-view.ts';
import { jobApi } from '../api-client/jobs.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { resolveJobId } from '../last-job.ts';
import type { Session } from '../session.ts';
import { note, sayJson } from '../terminal.ts';
import { watchJob } from '../watch/watch-job.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addCancel(parent: Command, context: CommandContext): void {
  parent
    .command('cancel')
    .description('Cancel a job')
    .argument('<id>', 'id of the job, or "last"')
    .option('-w, --watch', 'watch until it has stopped; exit code 0 when it was cancelled')
    .addHelpText('after', examples(['switchyard cancel ID', ''], ['switchyard cancel last --watch', '']))
    .action(apiAction(context, cancel));
}

async function cancel(session: Session, given: string, options: { watch?: boolean }): Promise<ExitCode> {
  const id = await resolveJobId(session, given);
  const job = await jobApi(session.api).cancel(id);
  if (options.watch && !isTerminal(job.status)) {
    const code = await watchJob(session, id);
    return code === EXIT.cancelled ? EXIT.ok : code;
  }
  if (session.json) sayJson(session.terminal, job);
  else if (isTerminal(job.status)) note(session.terminal, `Job ${id} is ${job.status}.`);
  else note(session.terminal, `Asked job ${id} to stop; it is cancelled as soon as its worker has stopped.`);
  return EXIT.ok;
}
