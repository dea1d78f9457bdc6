import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { encodeId, jobWorkflowId } from '../../contract/ids.ts';
import type { JobView } from '../../contract/job-view.ts';
import { buildAccepted } from '../../platform/jobs/build-view.ts';
import type { JobStart } from '../../platform/jobs/job-start.ts';
import type { LiveJob } from '../../platform/jobs/live-job.ts';
import { startJob } from '../../platform/jobs/start-job.ts';
import { TemporalUnavailableError } from '../../platform/jobs/temporal-calls.ts';
import { checkShape } from '../../platform/routing/check-shape.ts';
import { InvalidJobError } from '../../platform/routing/invalid-job-error.ts';
import type { PlannedJob } from '../../platform/routing/plan-job.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { idempotencyId, idempotencyKey, requestHash } from '../http/idempotency.ts';
import { waitPreference } from '../http/wait-preference.ts';
import { waitFor } from './wait-for.ts';

/** A request for a new job, whatever way it came. */
export interface Submission {
  /** Validates and routes. @throws InvalidJobError */
  plan(): PlannedJob;
  /** What makes two requests under one Idempotency-Key the same. */
  fingerprint: unknown;
  retryOf?: string;
}

/**
 * Starts a job and answers with it: 201, or 200 when the same request under the same key has started it before.
 * One round trip to Temporal, unless the client waits for the end or the key was used already.
 */
export async function submitJob(api: ApiContext, req: Request, res: Response, submission: Submission): Promise<void> {
  const key = idempotencyKey(req);
  const seconds = waitPreference(req.headers['prefer']);
  const jobId = key === undefined ? encodeId(randomBytes(17)) : idempotencyId(key);
  const { fingerprint } = submission;
  // A body too deep to walk is refused below, before its hash is asked for.
  const hash = key === undefined || checkShape(fingerprint) ? undefined : requestHash(fingerprint);
  let planned: PlannedJob;
  try {
    planned = submission.plan();
  } catch (error) {
    // A repeated request is answered as the first one was, though its deadline may have passed meanwhile.
    const before = hash !== undefined && error instanceof InvalidJobError && (await earlier(api, jobId, hash));
    if (!before) throw error;
    await answer(api, res, { view: before, replayed: true }, seconds);
    return;
  }
  const accepted = await accept(api, planned, jobId, hash, submission.retryOf);
  if (!accepted.replayed) {
    api.metrics.submitted.inc({ service: planned.job.service, pool: planned.plan.routes[0]!.pool });
    api.logger.info({ job_id: jobId, service: planned.job.service, pool: accepted.view.pool }, 'job accepted');
  }
  await answer(api, res, accepted, seconds);
}

interface Accepted {
  view: JobView;
  /** Set when this request started the job. */
  live?: LiveJob;
  start?: JobStart;
  replayed: boolean;
}

async function accept(
  api: ApiContext,
  planned: PlannedJob,
  jobId: string,
  hash: string | undefined,
  retryOf: string | undefined,
): Promise<Accepted> {
  const { client, eagerStart, timeoutMs } = api;
  const createdAt = Date.now();
  let runId: string | undefined;
  try {
    runId = await startJob(planned, { client, jobId, requestHash: hash, retryOf, eagerStart, timeoutMs });
  } catch (error) {
    if (!(error instanceof TemporalUnavailableError)) throw error;
    throw new HttpProblem(
      'service_unavailable',
      `${error.message}. The job may or may not have been taken: ${
        hash === undefined
          ? 'look for its id before you send it again, and use an Idempotency-Key to be safe'
          : 'send it again with the same Idempotency-Key'
      }`,
      { headers: { 'Retry-After': '2' }, extensions: { job_id: jobId }, cause: error },
    );
  }
  if (runId === undefined) {
    const view = hash === undefined ? await viewOf(api, jobId) : await earlier(api, jobId, hash);
    // Without a key the id is new, so the job there is the one whose first answer was lost.
    if (!view) throw new HttpProblem('conflict', `The workflow id ${jobWorkflowId(jobId)} is taken by something else`);
    return { view, replayed: hash !== undefined };
  }
  const { job, plan } = planned;
  const start = { runId, createdAt, document: job, prepared: { plan, retry_of: retryOf }, priority: job.priority };
  const view = buildAccepted(jobWorkflowId(jobId), start, api.queues, api.addresses);
  return { view, live: liveJob(jobId, runId, createdAt), start, replayed: false };
}

function liveJob(jobId: string, runId: string, createdAt: number): LiveJob {
  return {
    ...{ jobId, workflowId: jobWorkflowId(jobId), runId, workflow: 'running', createdAt, historyLength: 1 },
    cancelRequested: false,
    attributes: { tags: [] },
  };
}

/** The job that a key was used for before. @throws HttpProblem idempotency_mismatch */
async function earlier(api: ApiContext, jobId: string, hash: string): Promise<JobView | undefined> {
  const reading = await api.reader.read(jobId);
  if (!reading) return undefined;
  if (reading.live.requestHash === hash) return reading.view;
  throw new HttpProblem(
    'idempotency_mismatch',
    `This Idempotency-Key started job ${jobId} with another body; take a new key for a new job`,
    { extensions: { job_id: jobId } },
  );
}

async function viewOf(api: ApiContext, jobId: string): Promise<JobView | undefined> {
  return (await api.reader.read(jobId))?.view;
}

async function answer(
  api: ApiContext,
  res: Response,
  { view, live, start, replayed }: Accepted,
  seconds: number | undefined,
): Promise<void> {
  let shown = view;
  if (seconds !== undefined) {
    res.setHeader('Preference-Applied', `wait=${seconds}`);
    shown = (await waitFor(api, res, live ?? (await api.reader.describe(view.id)), seconds, start)) ?? view;
  }
  if (replayed) res.setHeader('Idempotent-Replayed', 'true');
  res
    .status(replayed ? 200 : 201)
    .location(view.links.self)
    .json(shown);
}
