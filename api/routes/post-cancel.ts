import { z } from 'zod';
import { isTerminal } from '../../contract/job-view.ts';
import { cancelJob } from '../../platform/jobs/cancel-job.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readValue } from '../http/read-value.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findJob, noJob } from './find-job.ts';
import { readOptionalJson } from './request-document.ts';

export const cancelBodySchema = z.strictObject({
  reason: z.string().max(500).optional().describe('Shown with the job'),
});

export function postCancel(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/jobs/:id/cancel',
    operation: {
      id: 'cancelJob',
      tag: 'jobs',
      summary: 'Cancel a job',
      description:
        'Asks the job to stop; it ends as cancelled once its connector has stopped the backend, also when its worker ' +
        'is dead. Asking twice is as good as once.',
      body: { content: { 'application/json': { schema: ref('CancelBody') } } },
      answers: { 202: json('It was asked to stop', ref('Job')) },
      problems: ['not_found', 'conflict', 'validation', 'malformed', 'unsupported_media'],
    },
    async handle(req, res) {
      const { reason } = readValue((await readOptionalJson(req)) ?? {}, cancelBodySchema);
      const { live, view } = await findJob(api, req);
      if (isTerminal(view.status)) throw alreadyEnded(view.id, view.status);
      if (!live.cancelRequested) {
        await cancelJob(api.client, live, reason ?? '', api.timeoutMs);
        api.logger.info({ job_id: view.id, reason }, 'cancel asked');
      }
      const after = await api.reader.read(view.id);
      if (!after) throw noJob(view.id);
      res.status(202).json(after.view);
    },
  };
}

export function alreadyEnded(id: string, status: string): HttpProblem {
  return new HttpProblem('conflict', `Job ${id} has ended already: ${status}`, { extensions: { job_status: status } });
}
