import { z } from 'zod';
import type { Job } from '../../contract/job.schema.ts';
import { isTerminal } from '../../contract/job-view.ts';
import type { JobHistory } from '../../platform/jobs/job-history.ts';
import { planJob, planValidatedJob, type PlannedJob } from '../../platform/routing/plan-job.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readValue } from '../http/read-value.ts';
import { json, ref } from '../openapi/operation.ts';
import { IDEMPOTENCY_PARAMETERS } from '../openapi/parameters.ts';
import type { Route } from '../route.ts';
import { findJob } from './find-job.ts';
import { readOptionalJson } from './request-document.ts';
import { submitJob } from './submit-job.ts';

/** The document of the old job is taken as it is. */
const nothing = z.strictObject({});

export function postRetry(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/jobs/:id/retry',
    operation: {
      id: 'retryJob',
      tag: 'jobs',
      summary: 'Run a finished job again',
      description: 'Starts a new job with the same document, routed anew; a deadline that has passed is left out.',
      parameters: IDEMPOTENCY_PARAMETERS,
      answers: {
        201: json('The new job; `retry_of` names the old one', ref('Job'), {
          Location: { description: 'Address of the new job', schema: { type: 'string' } },
        }),
        200: json('The same request under the same Idempotency-Key started this job before', ref('Job')),
      },
      problems: [
        ...(['not_found', 'conflict', 'validation', 'idempotency_mismatch'] as const),
        ...(['malformed', 'unsupported_media', 'payload_too_large'] as const),
      ],
    },
    async handle(req, res) {
      readValue((await readOptionalJson(req)) ?? {}, nothing);
      const { view, history } = await findJob(api, req);
      if (!isTerminal(view.status)) {
        throw new HttpProblem(
          'conflict',
          `Job ${view.id} is still ${view.status}; cancel it first, or wait for its end`,
          {
            extensions: { job_status: view.status },
          },
        );
      }
      await submitJob(api, req, res, {
        plan: () => planAgain(api, history),
        fingerprint: { retry_of: view.id },
        retryOf: view.id,
      });
    },
  };
}

function planAgain({ catalog, planning }: ApiContext, { start }: JobHistory): PlannedJob {
  const now = Date.now();
  const document = withoutPastDeadline(start.document, now);
  return start.prepared
    ? planValidatedJob(document as Job, catalog, planning, now)
    : planJob(document, catalog, planning, now);
}

function withoutPastDeadline(document: unknown, now: number): unknown {
  if (typeof document !== 'object' || document === null || !('deadline' in document)) return document;
  const { deadline, ...rest } = document;
  return Date.parse(String(deadline)) <= now ? rest : document;
}
