import type { Request } from 'express';
import type { JobReading } from '../../platform/jobs/job-reader.ts';
import type { LiveJob } from '../../platform/jobs/live-job.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';

/** Temporal takes workflow ids of at most 255 bytes here. */
const MAX_ID_BYTES = 255;

/** The id in a path; one that cannot exist is not asked for. @throws HttpProblem not_found */
export function jobIdOf(req: Request): string {
  const id = String(req.params['id']);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (Buffer.byteLength(id) > MAX_ID_BYTES || /[\u0000-\u001f\u007f]/.test(id)) throw noJob(id);
  return id;
}

/** @throws HttpProblem not_found */
export async function findJob(api: ApiContext, req: Request): Promise<JobReading> {
  const id = jobIdOf(req);
  const reading = await api.reader.read(id);
  if (!reading) throw noJob(id);
  return reading;
}

/** One look only, without what the job was started with. @throws HttpProblem not_found */
export async function findLive(api: ApiContext, req: Request): Promise<LiveJob> {
  const id = jobIdOf(req);
  const live = await api.reader.describe(id);
  if (!live) throw noJob(id);
  return live;
}

export function noJob(id: string): HttpProblem {
  return new HttpProblem(
    'not_found',
    `There is no job ${JSON.stringify(id.slice(0, 100))}; finished jobs are forgotten when the retention of Temporal ends`,
  );
}
