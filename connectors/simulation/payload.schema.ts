import { z } from 'zod';
import { parseDuration } from '../../contract/duration.ts';
import type { ErrorCode } from '../../contract/errors.ts';

/** Codes that a backend can be the cause of; the others are made by the API or by Switchyard itself. */
const FAILURE_CODES = [
  'backend_error',
  'service_unavailable',
  'timeout',
  'rate_limited',
  'quota_exceeded',
  'out_of_memory',
  'authentication',
  'permission',
  'validation',
  'missing_model',
  'missing_node',
  'content_policy',
  'output_too_large',
  'internal',
] as const satisfies ErrorCode[];

const MAX_DURATION = 86_400_000;
const MAX_ARTIFACT = 10_737_418_240;
const MAX_PNG = 52_428_800;

/**
 * A number of milliseconds, or text such as "2s". Unlike in the job document a plain number is no seconds: the parsed
 * payload holds milliseconds and must mean the same when it is parsed again.
 */
const milliseconds = z
  .union([z.number(), z.string()], 'must be milliseconds as a number, or text such as "500ms", "2s", "5m"')
  .transform((value, ctx) => {
    const ms = typeof value === 'number' ? value : (parseDuration(value) ?? Number.NaN);
    if (ms >= 0 && ms <= MAX_DURATION) return Math.round(ms);
    ctx.addIssue({
      code: 'custom',
      message: 'must be 0–86400000 milliseconds (24 hours) as a number, or text such as "500ms", "2s", "5m"',
    });
    return z.NEVER;
  });

const share = z.number('must be a number from 0 to 1').min(0, 'must be 0–1').max(1, 'must be 0–1');

const artifact = z
  .strictObject({
    name: z.string().min(1, 'must not be empty').max(255, 'must have at most 255 characters'),
    bytes: z
      .int('must be a whole number of bytes')
      .min(0, 'must be 0 or more')
      .max(MAX_ARTIFACT, 'must be at most 10 GiB')
      .default(1_024)
      .describe('Size; a png is about that large'),
    kind: z.enum(['random', 'text', 'png'], 'must be random, text or png').default('random'),
  })
  .refine((value) => value.kind !== 'png' || value.bytes <= MAX_PNG, {
    path: ['bytes'],
    message: 'must be at most 52428800 (50 MiB) for a png',
  });

export const simulationPayload = z.strictObject({
  duration: milliseconds.optional().describe('How long it works: milliseconds, or text such as "2s"; default 1s'),
  spread: share.optional().describe('The duration varies by up to this share, 0–1; default 0'),
  steps: z
    .int('must be a whole number')
    .min(1, 'must be 1–1000')
    .max(1_000, 'must be 1–1000')
    .default(10)
    .describe('Progress reports'),
  progress_curve: z
    .enum(['linear', 'stall', 'burst'], 'must be linear, stall or burst')
    .default('linear')
    .describe('linear: even; stall: stands still for most of the time; burst: several steps at one moment'),
  failure_rate: share.optional().describe('Chance that an attempt fails, 0–1; default 0'),
  fail_attempts: z
    .int('must be a whole number')
    .min(0, 'must be 0–1000')
    .max(1_000, 'must be 0–1000')
    .default(0)
    .describe('This many attempts fail for certain, lost ones included'),
  failure_code: z
    .enum(FAILURE_CODES, `must be one of ${FAILURE_CODES.join(', ')}`)
    .default('backend_error')
    .describe('Code of the failure'),
  failure_at: share.default(0.5).describe('Share of the work after which it fails'),
  retry_after: milliseconds.optional().describe('What the failure asks for as Retry-After: milliseconds, or text'),
  result: z.json().optional().describe('Given back as the result'),
  artifacts: z.array(artifact).max(50, 'must have at most 50 entries').default([]).describe('Outputs to make'),
  checkpoints: z
    .boolean()
    .default(false)
    .describe('Save a checkpoint after each step, and go on from there in the next attempt'),
  ignore_cancel: z.boolean().default(false).describe('Work to the end in spite of a cancel'),
  hang: z
    .union([z.boolean(), z.literal('hard')], 'must be true, false or "hard"')
    .default(false)
    .describe('Fall silent half-way and never return; "hard": not even when cancelled'),
  memory_mb: z
    .int('must be a whole number')
    .min(0, 'must be 0–65536')
    .max(65_536, 'must be 0–65536')
    .default(0)
    .describe('Memory to fill while it works, MiB'),
  service_job: z.boolean().default(false).describe('The work runs in a pretended service that outlives the worker'),
  seed: z.int('must be a whole number').optional().describe('Makes chance repeatable'),
});

/** A validated payload; durations in milliseconds. Parsing it again changes nothing. */
export type SimulationPayload = z.output<typeof simulationPayload>;
export type SimulatedArtifact = SimulationPayload['artifacts'][number];
