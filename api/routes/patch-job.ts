import type { ApiContext } from '../context.ts';
import { readJson } from '../http/read-body.ts';
import { readValue } from '../http/read-value.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { changeJob } from './change-job.ts';
import { findJob } from './find-job.ts';
import { patchBodySchema } from './patch-body.schema.ts';
import { BODY_TIMEOUT_MS } from './request-document.ts';

export function patchJob(api: ApiContext): Route {
  return {
    method: 'patch',
    path: '/jobs/:id',
    operation: {
      id: 'changeJob',
      tag: 'jobs',
      summary: 'Change a job that has not ended',
      description:
        'Priority, pool (while it waits), deadline and tags. A running job takes a new deadline and tags; its priority ' +
        'counts when an attempt waits again.',
      body: { required: true, content: { 'application/json': { schema: ref('JobChange'), example: { priority: 1 } } } },
      answers: { 200: json('The job after the change', ref('Job')) },
      problems: ['not_found', 'conflict', 'validation', 'malformed', 'unsupported_media', 'payload_too_large'],
    },
    async handle(req, res) {
      const body = await readJson(req, { maxBytes: 65_536, timeoutMs: BODY_TIMEOUT_MS });
      const change = readValue(body, patchBodySchema);
      res.json(await changeJob(api, await findJob(api, req), change));
    },
  };
}
