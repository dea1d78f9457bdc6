import { z } from 'zod';
import { instantSchema } from '../../contract/job.schema.ts';
import { QUEUE_PART } from '../../contract/task-queues.ts';

/** What `PATCH /api/jobs/{id}` takes. */
export const patchBodySchema = z
  .strictObject({
    priority: z.int().min(1).max(5).optional().describe('1 is served first, 5 last'),
    pool: z
      .string()
      .regex(QUEUE_PART, 'must be lower-case letters, digits, "-" and "_"')
      .optional()
      .describe('Where it waits instead; only while it has not started'),
    deadline: instantSchema().nullable().optional().describe('null: none'),
    tags: z
      .array(z.string().regex(/^[\w.:/@-]{1,64}$/, 'must be 1–64 letters, digits or _ . : / @ -'))
      .max(10)
      .optional()
      .describe('Instead of the present ones'),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change something');
