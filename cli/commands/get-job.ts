import type { Command } from 'commander';
import { jobApi } from '../api-client/jobs.ts';
import { waitForEnd } from '../api-client/wait-for-end.ts';
import { EXIT, exitCodeOfStatus, type ExitCode } from '../exit-codes.ts';
import { resolveJobId } from '../last-job.ts';
import { placeArtifacts } from '../local-artifacts.ts';
import { jobDetailLines } from '../output/job-details.ts';
import type { Session } from '../session.ts';
import { say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { waitSeconds } from './option-values.ts';

export function addGetJob(parent: Command, context: CommandContext): void {
  parent
    .command('get')
    .description('Show everything about a job')
    .argument('<id>', 'id of the job, or "last"')
    .option('--wait <seconds>', 'wait for its end first; the exit code then tells how it ended', waitSeconds)
    .addHelpText(
      'after',
      examples(['switchyard get last', ''], ['switchyard get ID --wait 5m --json | jq .result', '']),
    )
    .action(apiAction(context, getJob));
}

async function getJob(session: Session, id: string, options: { wait?: number }): Promise<ExitCode> {
  const jobId = await resolveJobId(session, id);
  const job =
    options.wait === undefined
      ? await jobApi(session.api).get(jobId)
      : await waitForEnd(session.api, jobId, options.wait);
  const { terminal } = session;
  if (session.json) sayJson(terminal, job);
  else {
    const artifacts = await placeArtifacts(session.api, job.id, job.artifacts);
    const width = terminal.stdout.columns ?? 120;
    for (const line of jobDetailLines(job, artifacts, terminal.style, width, Date.now())) say(terminal, line);
  }
  return options.wait === undefined ? EXIT.ok : exitCodeOfStatus(job.status);
}
