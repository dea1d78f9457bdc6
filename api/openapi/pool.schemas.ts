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
});

const presence = { workers: z.int(), slots_used: z.int(), slots_free: z.int() };

export const poolViewSchema = z.object({
  name: z.string(),
  ...poolSchema.shape,
  control: controlSchema,
  services: z.array(z.string()),
  ...presence,
  queues: z.array(
    z.object({ capability: z.string(), task_queue: z.string(), ...presence, backlog: backlogSchema.optional() }),
  ),
});
export const poolListSchema = z.object({ pools: z.array(poolViewSchema) });
