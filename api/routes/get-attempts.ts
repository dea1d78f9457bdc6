import { attemptsOf } from '../../platform/jobs/job-attempts.ts';
import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findJob } from './find-job.ts';

export function getAttempts(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id/attempts',
    operation: {
      id: 'listAttempts',
      tag: 'jobs',
      summary: "List a job's attempts",
      description:
        'From the history and the attempt under way. Temporal keeps the last two attempts on each queue in detail; ' +
        'of earlier ones only that they were. The log has them all.',
      answers: { 200: json('First one first', ref('AttemptList')) },
      problems: ['not_found'],
    },
    async handle(req, res) {
      const { live, history } = await findJob(api, req);
      res.json({ attempts: attemptsOf(live, history) });
    },
  };
}
