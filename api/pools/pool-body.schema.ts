import { z } from 'zod';
import { MAX_POOL_NOTE, POOL_LIMITS, type PoolLimit } from '../../contract/pool-control.ts';
import { poolLimitFields } from '../../platform/pools/control-document.ts';

const note = z
  .string()
  .max(MAX_POOL_NOTE, `must be at most ${MAX_POOL_NOTE} characters long`)
  .regex(/^\P{Cc}*$/u, 'must hold no control characters')
  .optional()
  .describe('Why, for whoever looks at the pool');

/** What pause, resume and drain take. */
export const poolNoteSchema = z.strictObject({ note });

const fields = Object.fromEntries(
  POOL_LIMITS.map((name) => [name, poolLimitFields[name].nullable().optional()]),
) as unknown as Record<PoolLimit, z.ZodOptional<z.ZodNullable<z.ZodType<number>>>>;

/** What `PATCH /api/pools/{pool}` takes; null: as configured again. */
export const poolChangeSchema = z
  .strictObject({ ...fields, note })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change something');
