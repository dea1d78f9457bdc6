import { z } from 'zod';
import { instantSchema } from '../../contract/job.schema.ts';
import { JOB_STATUSES } from '../../contract/job-view.ts';
import { QUEUE_PART } from '../../contract/task-queues.ts';
import { listJobs } from '../../platform/jobs/list-jobs.ts';
import type { JobFilters } from '../../platform/jobs/list-query.ts';
import type { ApiContext } from '../context.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { readQuery, repeatable } from '../http/read-query.ts';
import { errorCodeSchema } from '../openapi/job.schemas.ts';
import { json, ref, type JsonSchema, type Parameter } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

const name = z.string().regex(QUEUE_PART, 'must be lower-case letters, digits, "-" and "_"');
const instant = instantSchema();

const querySchema = z.strictObject({
  status: repeatable(z.enum(JOB_STATUSES)).describe('One or several; repeat the parameter or separate with commas'),
  service: repeatable(name),
  pool: repeatable(name),
  tag: repeatable(z.string().regex(/^[\w.:/@-]{1,64}$/, 'must be 1–64 letters, digits or _ . : / @ -')).describe(
    'Jobs that have any of these',
  ),
  priority: repeatable(z.coerce.number<string>().int().min(1).max(5)),
  error_code: repeatable(errorCodeSchema),
  created_after: instant.optional(),
  created_before: instant.optional(),
  ended_after: instant.optional(),
  ended_before: instant.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: z.string().max(4_096).optional().describe('`next_cursor` of the page before, with the same filters'),
});

export function getJobs(api: ApiContext): Route {
  const { client, queues, timeoutMs } = api;
  return {
    method: 'get',
    path: '/jobs',
    operation: {
      id: 'listJobs',
      tag: 'jobs',
      summary: 'List jobs',
      description:
        'Those that go on first, then by end, newest first. Rows come from the visibility store of Temporal and may ' +
        'lag a moment behind; `queued` and `running` are told apart by a live look. A page may hold fewer jobs than ' +
        'asked for and still have a `next_cursor`.',
      parameters: parameters(),
      answers: { 200: json('One page', ref('JobPage')) },
      problems: ['validation'],
    },
    async handle(req, res) {
      const { limit, cursor, ...filters } = readQuery(req, querySchema);
      const token = cursor === undefined ? undefined : decodeCursor(cursor, filters);
      const page = await listJobs({ client, queues, timeoutMs }, filters satisfies JobFilters, limit, token);
      res.json({
        jobs: page.items,
        ...(page.next ? { next_cursor: encodeCursor(page.next, filters) } : {}),
      });
    },
  };
}

function parameters(): Parameter[] {
  const { properties } = z.toJSONSchema(querySchema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties ?? {}).map(([field, schema]) => {
    const { description, ...rest } = schema as JsonSchema & { description?: string };
    return { name: field, in: 'query', description: description ?? DESCRIPTIONS[field] ?? '', schema: rest };
  });
}

const DESCRIPTIONS: Record<string, string> = {
  service: 'Services',
  pool: 'Pools the jobs were routed to',
  priority: 'Priorities, 1 to 5',
  error_code: 'Codes jobs ended with',
  created_after: 'At or after this time',
  created_before: 'Before this time',
  ended_after: 'At or after this time',
  ended_before: 'Before this time',
  limit: 'Most jobs on a page',
};
