import { z } from 'zod';
import {
  POOL_LIMITS,
  UNTOUCHED,
  type PoolControl,
  type PoolLimit,
  type PoolLimits,
} from '../../contract/pool-control.ts';
import { poolSchema, type Pool } from '../catalog/pools.schema.ts';

/** The bounds of `pools.json` hold here too, its defaults do not. */
export const poolLimitFields = Object.fromEntries(
  POOL_LIMITS.map((name) => [name, poolSchema.shape[name].unwrap().describe(poolSchema.shape[name].description ?? '')]),
) as unknown as Record<PoolLimit, z.ZodType<number>>;

const limitsSchema = z.object(
  Object.fromEntries(POOL_LIMITS.map((name) => [name, poolLimitFields[name].optional()])),
) as unknown as z.ZodType<PoolLimits>;

const documentSchema = z.object({
  v: z.literal(1),
  state: z.enum(['active', 'paused', 'draining']),
  since: z.number().optional(),
  note: z.string().optional(),
  limits: limitsSchema,
});

/** A document that is missing, or that this release cannot read, changes nothing. */
export function readControl(text: string | undefined): PoolControl {
  if (!text) return UNTOUCHED;
  try {
    return documentSchema.parse(JSON.parse(text));
  } catch {
    return UNTOUCHED;
  }
}

/** The pool as it is now: configured, with what was changed since. */
export function withLimits(pool: Pool, limits: PoolLimits): Pool {
  return { ...pool, ...limits };
}
