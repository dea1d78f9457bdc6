import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { readQuery } from '../http/read-query.ts';
import { waitParameter, waitPreference } from '../http/wait-preference.ts';
import { json, ref } from '../openapi/operation.ts';
import { WAIT_PARAMETER } from '../openapi/parameters.ts';
import type { Route } from '../route.ts';
import { findJob } from './find-job.ts';
import { waitFor } from './wait-for.ts';

export function getJob(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id',
    operation: {
      id: 'getJob',
      tag: 'jobs',
      summary: 'Read a job',
      description:
        'Its live state, never a lagging copy. With `wait` (or `Prefer: wait=N`) the answer waits for the end.',
      parameters: [WAIT_PARAMETER],
      answers: { 200: json('The job', ref('Job')) },
      problems: ['not_found', 'validation'],
    },
    async handle(req, res) {
      const query = readQuery(req, z.strictObject({ wait: z.string().optional() }));
      const seconds = waitParameter(query.wait) ?? waitPreference(req.headers['prefer']);
      const { live, view } = await findJob(api, req);
      if (seconds === undefined || live.workflow !== 'running') res.json(view);
      else res.json((await waitFor(api, res, live, seconds)) ?? view);
    },
  };
}
