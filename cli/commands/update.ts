import type { Command } from 'commander';
import { jobApi, type JobChange } from '../api-client/jobs.ts';
import { usageError } from '../cli-error.ts';
import { parseDeadline } from '../input/job-document.ts';
import { resolveJobId } from '../last-job.ts';
import type { Session } from '../session.ts';
import { note, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { collectList, wholeNumber } from './option-values.ts';

export function addUpdate(parent: Command, context: CommandContext): void {
  parent
    .command('update')
    .description('Change a job that has not ended')
    .argument('<id>', 'id of the job, or "last"')
    .option('--priority <1-5>', '1 is served first, 5 last', wholeNumber(1, 5))
    .option('--pool <pool>', 'move it to this pool')
    .option('--deadline <when>', 'new deadline: 2h, an RFC 3339 time, or none')
    .option('--tag <tag>', 'these tags instead of the present ones; repeatable', collectList)
    .addHelpText(
      'after',
      examples(['switchyard update ID --priority 1', ''], ['switchyard update ID --pool heavy --deadline 2h', '']),
    )
    .action(apiAction(context, update));
}

interface UpdateOptions {
  priority?: number;
  pool?: string;
  deadline?: string;
  tag?: string[];
}

async function update(session: Session, given: string, options: UpdateOptions): Promise<void> {
  const { priority, pool, deadline, tag } = options;
  const change: JobChange = {
    ...(priority === undefined ? {} : { priority }),
    ...(pool === undefined ? {} : { pool }),
    ...(deadline === undefined ? {} : { deadline: deadline === 'none' ? null : parseDeadline(deadline, Date.now()) }),
    ...(tag === undefined ? {} : { tags: tag }),
  };
  if (Object.keys(change).length === 0) {
    throw usageError('Nothing to change', 'Give --priority, --pool, --deadline or --tag.');
  }
  const job = await jobApi(session.api).update(await resolveJobId(session, given), change);
  if (session.json) return sayJson(session.terminal, job);
  const what = Object.entries(change).map(
    ([name, value]) => `${name} ${value === null ? 'none' : [value].flat().join(', ')}`,
  );
  note(session.terminal, `Job ${job.id} has ${what.join(', ')} now.`);
}
