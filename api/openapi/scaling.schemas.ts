import { z } from 'zod';
import type { ScalingView } from '../../contract/scaling.ts';

const alertSchema = z.object({
  kind: z
    .enum(['exhaustion', 'degradation', 'cost'])
    .describe('Jobs wait and no worker can be added; jobs fail; a budget ends'),
  severity: z.enum(['warning', 'critical']),
  message: z.string(),
});

const poolScalingSchema = z.object({
  pool: z.string(),
  driver: z.string().describe('local, compose, kubernetes or webhook'),
  wanted: z.int().describe('Workers it should have'),
  ready: z.int().describe('Workers that take jobs'),
  starting: z.int().describe('Ordered, not ready yet'),
  draining: z.int().describe('Take no more jobs and end with their last; known of the driver local only'),
  reason: z.string().describe('Why so many, in words'),
  backlog: z.int().describe('Jobs that wait'),
  running: z.int(),
  oldest_ms: z.int().describe('How long the oldest of them has waited'),
  processing_ms: z.int().optional().describe('Mean time of the latest jobs'),
  success_rate: z.number().optional().describe('Of the latest attempts, 0–1'),
  cost_today: z.number().optional().describe('Since midnight UTC; absent without `cost_per_hour`'),
  alerts: z.array(alertSchema),
  since: z.number().describe('Since when so many are wanted, epoch milliseconds'),
  min_workers: z.int(),
  max_workers: z.int(),
  budget_per_day: z.number().optional(),
  seen: z.boolean().describe('Whether a scaler has looked at it'),
});

export const scalingViewSchema: z.ZodType<ScalingView> = z.object({
  active: z.boolean().describe('Whether a scaler is at work'),
  scaler: z.string().optional().describe('Identity of the active scaler, or of the last one'),
  seen_at: z.iso.datetime().optional().describe('When it looked last'),
  pools: z.array(poolScalingSchema),
});
