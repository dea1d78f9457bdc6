import { z } from 'zod';
import { DURATION_HINT, parseDuration } from './duration.ts';
import { QUEUE_PART } from './task-queues.ts';

/**
 * The job document: types, validation, OpenAPI and CLI help all come from here. Workflow code imports its types only;
 * zod must not get into the workflow bundle.
 */
const NAME_HINT = 'lower-case letters, digits, "-" and "_", at most 64 characters';

/** A duration on the wire, milliseconds after parsing. */
export function durationSchema(minMs: number, maxMs: number, bounds: string) {
  const none = `is not a duration; give ${DURATION_HINT}`;
  return z.union([z.number(), z.string()], { error: none }).transform((value, ctx) => {
    const ms = parseDuration(value);
    if (ms === undefined) {
      ctx.addIssue({ code: 'custom', message: none });
      return z.NEVER;
    }
    if (ms < minMs || ms > maxMs) {
      ctx.addIssue({ code: 'custom', message: `must be ${bounds}` });
      return z.NEVER;
    }
    return ms;
  });
}

/** A point in time on the wire (RFC 3339): with its zone, or it would be another one on each machine. */
export function instantSchema() {
  return z.iso.datetime({ offset: true, error: 'must be a time with its zone, such as 2026-01-31T12:00:00Z' });
}

const name = z.string().regex(QUEUE_PART, `must be ${NAME_HINT}`);
const DAY = 86_400_000;

export const requirementsSchema = z
  .strictObject({
    machine_type: z
      .enum(['gpu', 'cpu', 'api'])
      .optional()
      .describe('Kind of machine: gpu, cpu or api (no local model)'),
    gpu_count: z.int().min(0).max(64).optional().describe('GPUs the machine must have'),
    gpu_memory_mb: z.int().min(0).max(10_000_000).optional().describe('Memory of each of these GPUs, MiB'),
    connector: z.string().max(128).optional().describe('Only this connector, e.g. SimulationConnector'),
    model: z.string().max(512).optional().describe('A model that the worker must have'),
  })
  .describe('What the worker must have; a job that no worker fits waits and says why');

const retrySchema = z
  .strictObject({
    max_attempts: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Failed attempts before the job fails; rate limits, drain and shutdown do not count'),
    initial_interval: durationSchema(10, DAY, 'between 10ms and 24h')
      .optional()
      .describe('Wait before the second attempt'),
    backoff_coefficient: z.number().min(1).max(10).optional().describe('Factor between one wait and the next'),
    max_interval: durationSchema(10, DAY, 'between 10ms and 24h').optional().describe('Longest wait between attempts'),
  })
  .describe("Retry policy, within the pool's bounds");

export const jobSchema = z.strictObject({
  service: name.describe('Which service: see GET /api/services'),
  payload: z.record(z.string(), z.unknown()).default({}).describe("The service's own input, validated by its schema"),
  requirements: requirementsSchema.default({}),
  pool: name.optional().describe('Force a pool; otherwise the job is routed'),
  priority: z.int().min(1).max(5).default(3).describe('1 is served first, 5 last'),
  start_timeout: durationSchema(1_000, 30 * DAY, 'between 1s and 30d')
    .optional()
    .describe('Longest wait until the first start; after it the job ends as timed_out'),
  run_timeout: durationSchema(1_000, 7 * DAY, 'between 1s and 7d')
    .optional()
    .describe("Longest run of one attempt, after it the job ends as timed_out; default and bound are the pool's"),
  deadline: instantSchema().optional().describe('Point in time (RFC 3339) after which the result is of no use'),
  retry: retrySchema.default({}),
  tags: z
    .array(z.string().regex(/^[\w.:/@-]{1,64}$/, 'must be 1–64 letters, digits or _ . : / @ -'))
    .max(10)
    .default([])
    .describe('For filters and search'),
  metadata: z
    .record(
      z.string().max(64, 'has a name of more than 64 characters'),
      z.union([z.string().max(1_024), z.number(), z.boolean()]),
    )
    .refine((m) => Object.keys(m).length <= 50, 'must have at most 50 entries')
    .default({})
    .describe('Kept with the job and given back'),
  artifact_retention: durationSchema(60_000, 365 * DAY, 'between 1m and 365d')
    .optional()
    .describe('How long the outputs are kept after the end'),
});

/** A job as a client may write it. */
export type JobInput = z.input<typeof jobSchema>;
/** A validated job: defaults filled in, durations in milliseconds. */
export type Job = z.output<typeof jobSchema>;
export type Requirements = z.output<typeof requirementsSchema>;
