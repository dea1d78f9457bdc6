import { z } from 'zod';
import { positiveNumber, wholeNumber } from '../catalog/numbers.schema.ts';

const scalingFields = z.strictObject({
  driver: z
    .enum(['local', 'compose', 'kubernetes', 'webhook'])
    .default('local')
    .describe(
      'Who starts and stops workers: processes beside the scaler, docker compose, Kubernetes (KEDA does it, see `switchyard generate keda`), or an HTTP endpoint of yours',
    ),
  min_workers: wholeNumber(0, 1_000).default(0).describe('Never fewer; 0 lets the pool sleep'),
  max_workers: wholeNumber(1, 1_000).default(4).describe('Never more'),
  target_wait_seconds: positiveNumber()
    .default(30)
    .describe('Workers are added so that the jobs that wait now are taken within this time'),
  startup_seconds: positiveNumber().default(20).describe('From the order to a worker that takes jobs'),
  idle_seconds: positiveNumber().default(300).describe('Without any work for this long, the pool goes to min_workers'),
  cooldown_seconds: positiveNumber()
    .default(60)
    .describe('The pool shrinks only when fewer workers were enough all this time; it grows at once'),
  max_step: wholeNumber(1, 1_000).default(4).describe('Workers added at a time'),
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
    .describe('While fewer of the latest attempts succeed, no worker is added: more of them would fail faster'),
  drain_seconds: positiveNumber()
    .default(86_400)
    .describe('How long a worker that is taken away may go on with its jobs before they are handed to another'),
  compose_service: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/, 'is no name of a compose service')
    .optional()
    .describe('For the driver `compose`. Default: `worker-` and the name of the pool'),
  webhook_url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional()
    .describe('For the driver `webhook`: gets `{pool, workers, reason}` as a POST'),
  webhook_secret_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of a variable')
    .optional()
    .describe('Variable that holds the secret the POSTs are signed with, as Standard Webhooks says (`whsec_…`)'),
});

/** How a pool grows and shrinks; the `scaling` of a pool in `pools.json`. */
export const scalingSchema = scalingFields
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
  })
  .refine((policy) => paidByTheHour(policy) >= Math.max(1, policy.min_workers), {
    message: 'pays for fewer workers than min_workers, or for none at all',
    path: ['budget_per_hour'],
  });

export type ScalingPolicy = z.output<typeof scalingFields>;

/** Workers that the hourly budget pays for; Infinity without one. */
export function paidByTheHour(policy: Pick<ScalingPolicy, 'budget_per_hour' | 'cost_per_hour'>): number {
  const { budget_per_hour: budget, cost_per_hour: cost } = policy;
  if (budget === undefined || cost === undefined) return Number.POSITIVE_INFINITY;
  // 0.3 / 0.1 is a little less than 3 in binary fractions.
  return Math.floor(budget / cost + 1e-9);
}
