import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JobView } from '../contract/job-view.ts';
import type { ApiClient } from './api-client/client.ts';
import { ApiError } from './api-client/errors.ts';
import { jobApi } from './api-client/jobs.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';
import { note } from './terminal.ts';

/** The word that stands for the most recent job. */
export const LAST = 'last';

/**
 * Notes the job that was submitted last from this data directory. The list of jobs lags by a second: without the note,
 * `cancel last` right after a submit would name the job before.
 */
export function rememberJob(api: ApiClient, job: Pick<JobView, 'id' | 'created_at'>): void {
  const file = noteFile(api);
  if (!file) return;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ id: job.id, created_at: job.created_at }));
  } catch {
    // A data directory of somebody else: `last` then rests on the list alone.
  }
}

/** The id itself, or that of the most recent job for `last`. @throws CliError when there is no job yet */
export async function resolveJobId(session: Session, id: string): Promise<string> {
  if (id !== LAST) return id;
  const [remembered, listed] = await Promise.all([rememberedJob(session.api), newestListed(session.api)]);
  const job =
    remembered && (!listed || Date.parse(remembered.created_at) >= Date.parse(listed.created_at)) ? remembered : listed;
  if (!job)
    throw new CliError(EXIT.notFound, 'There is no job yet', { hint: 'switchyard submit simulation makes one.' });
  note(session.terminal, session.terminal.errorStyle.dim(`last is ${job.id}`));
  return job.id;
}

/** The list has running jobs first and then those that ended last: the newest one is near its beginning. */
async function newestListed(api: ApiClient) {
  const { jobs } = await jobApi(api).list({ limit: 50 });
  return jobs.toSorted((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at))[0];
}

async function rememberedJob(api: ApiClient) {
  const file = noteFile(api);
  if (!file) return undefined;
  try {
    const { id } = JSON.parse(readFileSync(file, 'utf8')) as { id: string };
    return await jobApi(api).get(id);
  } catch (error) {
    // No note, a damaged one, or one of a job that is forgotten by now.
    if (error instanceof ApiError && error.problem.code !== 'not_found') throw error;
    return undefined;
  }
}

function noteFile(api: ApiClient): string | undefined {
  const { stack } = api.address;
  return stack && join(stack.data_dir, 'run', 'last-job.json');
}
