import { z } from 'zod';
import { ANY_POOL, MACHINE_QUEUE_PREFIX, QUEUE_PART } from '../../contract/task-queues.ts';
import { scalingSchema } from '../scaling/policy.schema.ts';
import { positiveNumber, wholeNumber } from './numbers.schema.ts';

const seconds = positiveNumber();

/**
 * What every machine of a pool has, as an operator says: pools that promise what a job needs are tried first, and what
 * works for a service elsewhere has it.
 */
export const offersSchema = z.strictObject({
  machine_type: z.enum(['gpu', 'cpu', 'api']).default('cpu'),
  gpu_count: wholeNumber(0).default(0),
  gpu_memory_mb: wholeNumber(0).default(0).describe('Of each GPU, MiB'),
  models: z.array(z.string()).optional().describe('Models every machine of the pool has; unset: not checked'),
});

export const poolSchema = z.strictObject({
  description: z.string().default(''),
  max_concurrent_jobs: wholeNumber(1, 1_000).default(4).describe('Jobs at a time, per worker process and capability'),
  timeout_seconds: seconds.default(120).describe('Default run_timeout of a job'),
  max_timeout_seconds: seconds.default(86_400).describe('Largest run_timeout a job may ask for'),
  retry_attempts: wholeNumber(0, 99).default(3).describe('Retries after the first attempt'),
  max_retry_attempts: wholeNumber(0, 99).default(19).describe('Largest number of retries a job may ask for'),
  retry_initial_interval_seconds: seconds.default(1),
  retry_backoff_coefficient: z.number().min(1).max(10).default(2),
  retry_max_interval_seconds: seconds.default(60),
  health_check_interval_seconds: seconds.default(30),
  spill_after_seconds: seconds.default(60).describe('Wait in this pool before the next one that can do it is tried'),
  affinity_wait_seconds: wholeNumber(0, 600)
    .default(5)
    .describe('Wait for a worker of this pool that has the model of a job loaded, before any takes it; 0: none'),
  offers: offersSchema.prefault({}),
  scaling: scalingSchema
    .optional()
    .describe('How the pool grows and shrinks; unset: nobody starts or stops its workers'),
});

export const poolsFileSchema = z.strictObject({
  $schema: z.string().optional(),
  pools: z
    .record(z.string().regex(QUEUE_PART, 'is no pool name: lower-case letters, digits, "-" and "_"'), poolSchema)
    .refine((pools) => Object.keys(pools).length > 0, 'must name at least one pool')
    .refine(
      (pools) => !Object.hasOwn(pools, MACHINE_QUEUE_PREFIX),
      `must not name a pool "${MACHINE_QUEUE_PREFIX}": the queues of machines are called so`,
    )
    .refine(
      (pools) => !Object.hasOwn(pools, ANY_POOL),
      `must not name a pool "${ANY_POOL}": the queues of all pools together are called so`,
    ),
});

export type Pool = z.output<typeof poolSchema>;
