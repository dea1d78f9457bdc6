import { z } from 'zod';
import { positiveNumber, wholeNumber } from '../catalog/numbers.schema.ts';

/** How a pool grows and shrinks; the `scaling` of a pool in `pools.json`. */
export const scalingSchema = z
  .strictObject({
    driver: z
      .enum(['local', 'compose', 'kubernetes', 'webhook'])
      .default('local')
      .describe(
        'Who starts and stops workers: processes here, docker compose, Kubernetes (KEDA, see `generate keda`), or an HTTP endpoint of yours',
      ),
    min_workers: wholeNumber(0).default(0).describe('Never fewer; 0 lets the pool sleep'),
    max_workers: wholeNumber(1).default(4).describe('Never more'),
    target_wait_seconds: positiveNumber()
      .default(30)
      .describe('Workers are added so that the jobs that wait now are taken within this time'),
    startup_seconds: positiveNumber().default(20).describe('From the order to a worker that takes jobs'),
    idle_seconds: positiveNumber()
      .default(300)
      .describe('Without any work for this long, the pool goes to min_workers'),
    cooldown_seconds: positiveNumber()
      .default(60)
      .describe('The pool shrinks only when fewer workers were enough all this time; it grows at once'),
    max_step: wholeNumber(1).default(4).describe('Workers added at a time'),
    cost_per_hour: positiveNumber().optional().describe('Of one worker, in the currency of the budgets'),
    budget_per_hour: positiveNumber().optional().describe('The pool never runs more workers than this pays for'),
    budget_per_day: positiveNumber()
      .optional()
      .describe('Once spent (since midnight UTC), the pool shrinks to min_workers until the day is over'),
    min_success_rate: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('While fewer of the latest jobs succeed, no worker is added: more of them would fail faster'),
    webhook_url: z.url().optional().describe('For the driver `webhook`: gets `{pool, workers, reason}` as a POST'),
  })
  .refine(({ min_workers: min, max_workers: max }) => min <= max, {
    message: 'must not be more than max_workers',
    path: ['min_workers'],
  })
  .refine(({ driver, webhook_url: url }) => driver !== 'webhook' || url !== undefined, {
    message: 'is required by the driver "webhook"',
    path: ['webhook_url'],
  })
  .refine((policy) => policy.cost_per_hour !== undefined || !(policy.budget_per_hour ?? policy.budget_per_day), {
    message: 'is required: a budget means nothing without the cost of a worker',
    path: ['cost_per_hour'],
  });

export type ScalingPolicy = z.output<typeof scalingSchema>;
