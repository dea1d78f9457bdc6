import { z } from 'zod';
import { POOL_LIMITS } from '../../contract/pool-control.ts';
import { poolSchema } from '../../platform/catalog/pools.schema.ts';

const limits = z.partialRecord(z.enum(POOL_LIMITS), z.number());

const controlSchema = z.object({
  state: z
    .enum(['active', 'paused', 'draining', 'drained'])
    .describe('Nothing starts unless active; drained: nothing runs any more either'),
  since: z.iso.datetime().optional().describe('When it was paused, drained or resumed last'),
  note: z.string().optional(),
  changed: limits.describe('Numbers changed while it runs; they stand in the pool itself too'),
  configured: limits.describe('What pools.json has for those'),
});

const backlogSchema = z.object({
  queued: z.number(),
  oldest_ms: z.number(),
  add_rate: z.number().describe('Per second'),
  dispatch_rate: z.number().describe('Per second'),
  by_priority: z
    .array(z.object({ priority: z.int(), queued: z.number(), oldest_ms: z.number() }))
    .describe('Priorities of which jobs wait'),
});

const presence = { workers: z.int(), slots_used: z.int(), slots_free: z.int() };

export const poolViewSchema = z.object({
  name: z.string(),
  ...poolSchema.shape,
  control: controlSchema,
  services: z.array(z.string()),
  ...presence,
  queues: z.array(
    z.object({
      capability: z.string(),
      task_queue: z.string(),
      ...presence,
      backlog: backlogSchema.optional(),
      derived: z
        .array(
          z.object({
            task_queue: z.string(),
            needs: z.string().describe('What its workers have, in words'),
            workers: z.int(),
            slots_used: z.int(),
            backlog: backlogSchema.optional(),
          }),
        )
        .optional()
        .describe(
          'Queues for jobs with needs and for loaded models, polled by some of these workers in the same slots',
        ),
    }),
  ),
});
export const poolListSchema = z.object({ pools: z.array(poolViewSchema) });
