import { join } from 'node:path';
import { z } from 'zod';
import { readJobLog } from '../../platform/logging/job-log.ts';
import type { ApiContext } from '../context.ts';
import { readQuery } from '../http/read-query.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findLive } from './find-job.ts';

const query = z.strictObject({ limit: z.coerce.number().int().min(1).max(5_000).default(500) });

export function getLogs(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id/logs',
    operation: {
      id: 'readLogs',
      tag: 'jobs',
      summary: 'Read what was logged about a job',
      description:
        'The latest lines of the log files on the machine of this API. Workers elsewhere write to their own machines ' +
        'or to a log store; `note` says so when there are no files here.',
      parameters: [
        {
          name: 'limit',
          in: 'query',
          description: 'Most lines',
          schema: { type: 'integer', minimum: 1, maximum: 5_000, default: 500 },
        },
      ],
      answers: { 200: json('Oldest first', ref('LogPage')) },
      problems: ['not_found', 'validation'],
    },
    async handle(req, res) {
      const { limit } = readQuery(req, query);
      const live = await findLive(api, req);
      const folder = join(api.config.dataDir, 'logs');
      const { lines, files, partial } = await readJobLog(folder, live.jobId, limit);
      const note =
        files === 0
          ? `There are no log files in ${folder}: the processes log to their own standard output, see where that goes`
          : partial
            ? 'Only the latest part of long log files was looked through'
            : undefined;
      res.json({ logs: lines, ...(note ? { note } : {}) });
    },
  };
}
