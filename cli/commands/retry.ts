import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { jobApi } from '../api-client/jobs.ts';
import { sayTryingAgain, withRetries } from '../api-client/with-retries.ts';
import { usageError } from '../cli-error.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { rememberJob, resolveJobId } from '../last-job.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { watchJob } from '../watch/watch-job.ts';
import { apiAction, examples, type CommandContext } from './context.ts';

export function addRetry(parent: Command, context: CommandContext): void {
  parent
    .command('retry')
    .description('Run a job that has ended once more, as a new job with the same document')
    .argument('<id>', 'id of the job, or "last"')
    .option('-w, --watch', 'watch the new job to its end')
    .option('-o, --out <dir>', 'with --watch: fetch its artifacts into this folder')
    .addHelpText(
      'after',
      examples(['switchyard retry ID --watch', ''], ['NEW=$(switchyard retry ID)', 'prints the new id alone']),
    )
    .action(apiAction(context, retry));
}

async function retry(session: Session, given: string, options: { watch?: boolean; out?: string }): Promise<ExitCode> {
  if (options.out !== undefined && !options.watch) throw usageError('--out needs --watch');
  const { terminal } = session;
  const id = await resolveJobId(session, given);
  const idempotencyKey = randomUUID();
  const job = await withRetries(() => jobApi(session.api).retry(id, { idempotencyKey }), sayTryingAgain(terminal));
  rememberJob(session.api, job);
  if (!session.json) note(terminal, `Job ${job.id} repeats ${job.retry_of ?? given}.`);
  if (options.watch) return watchJob(session, job.id, { out: options.out, patient: true });
  if (session.json) sayJson(terminal, job);
  else say(terminal, job.id);
  return EXIT.ok;
}
