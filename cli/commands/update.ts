import type { Command } from 'commander';
import { jobApi, type JobChange } from '../api-client/jobs.ts';
import { usageError } from '../cli-error.ts';
import { parseDeadline } from '../input/job-document.ts';
import { resolveJobId } from '../last-job.ts';
import type { Session } from '../session.ts';
import { note, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { wholeNumber } from './option-values.ts';

export function addUpdate(parent: Command, context: CommandContext): void {
  parent
    .command('update')
    .description('Change a job that has not ended')
    .argument('<id>', 'id of the job, or "last"')
    .option('--priority <1-5>', '1 is served first, 5 last', wholeNumber(1, 5))
    .option('--pool <pool>', 'move it to this pool')
    .option('--deadline <when>', 'new deadline: 2h, or an RFC 3339 time')
    .addHelpText(
      'after',
      examples(['switchyard update ID --priority 1', ''], ['switchyard update ID --pool heavy --deadline 2h', '']),
    )
    .action(apiAction(context, update));
}

async function update(session: Session, given: string, options: JobChange & { deadline?: string }): Promise<void> {
  const { priority, pool, deadline } = options;
  const change: JobChange = {
    ...(priority === undefined ? {} : { priority }),
    ...(pool === undefined ? {} : { pool }),
    ...(deadline === undefined ? {} : { deadline: parseDeadline(deadline, Date.now()) }),
  };
  if (Object.keys(change).length === 0) {
    throw usageError('Nothing to change', 'Give --priority, --pool or --deadline.');
  }
  const job = await jobApi(session.api).update(await resolveJobId(session, given), change);
  if (session.json) return sayJson(session.terminal, job);
  const what = Object.entries(change).map(([name, value]) => `${name} ${value}`);
  note(session.terminal, `Job ${job.id} has ${what.join(', ')} now.`);
}
