import { z } from 'zod';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { ERROR_CODES, type ErrorCode, type JobError } from '../../contract/errors.ts';
import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import {
  JOB_STATUSES,
  STATUS_REASONS,
  type JobSummary,
  type JobView,
  type ProgressView,
} from '../../contract/job-view.ts';
import type { JobAttempt } from '../../platform/jobs/job-attempts.ts';

/** What the API answers about jobs. Typed by the contract: a field that drifts apart does not compile. */
const instant = z.iso.datetime();

export const errorCodeSchema = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

export const fieldErrorSchema = z.object({
  pointer: z.string().describe('JSON pointer (RFC 6901) to the field'),
  detail: z.string().describe('What is wrong with it'),
  hint: z.string().optional().describe('What would be accepted'),
});

export const jobErrorSchema: z.ZodType<JobError> = z.object({
  code: errorCodeSchema,
  message: z.string(),
  retryable: z.boolean(),
  errors: z.array(fieldErrorSchema).optional(),
});

export const artifactSchema: z.ZodType<ArtifactRef> = z.object({
  uri: z.string().describe('Reference that payloads may name: artifact:…'),
  name: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  mime: z.string().describe('Sniffed from the content'),
  meta: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

export const progressSchema: z.ZodType<ProgressView> = z.object({
  seq: z.number().describe("The activity's sequence number; rises with every change"),
  percent: z.number().min(0).max(100).describe('Never falls within a job'),
  message: z.string().optional(),
  step: z.string().optional(),
  step_index: z.number().optional(),
  total_steps: z.number().optional(),
  eta_ms: z.number().optional().describe('Milliseconds until done, counted from updated_at'),
  updated_at: instant.describe("The worker's clock"),
});

const summaryShape = {
  id: z.string(),
  status: z.enum(JOB_STATUSES),
  status_reason: z.enum(STATUS_REASONS).optional().describe('Why it waits; derived at read time'),
  status_message: z.string().optional().describe('The reason in words, with the way out'),
  service: z.string(),
  pool: z.string(),
  priority: z.number(),
  tags: z.array(z.string()),
  created_at: instant,
  ended_at: instant.optional(),
  progress: progressSchema.optional(),
  error_code: z.string().optional(),
};

export const jobSummarySchema: z.ZodType<JobSummary> = z.object(summaryShape);

export const jobViewSchema: z.ZodType<JobView> = z.object({
  ...summaryShape,
  payload: z.unknown(),
  requirements: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  started_at: instant.optional().describe('Start of the present or last attempt'),
  deadline: z.string().optional(),
  attempt: z
    .int()
    .min(0)
    .describe(
      'Present attempt, 1-based; 0 before the first start, and for a job that was cancelled while none was under way',
    ),
  max_attempts: z.int().min(0).describe('0 while a job started with the temporal CLI has not been routed'),
  task_queue: z.string().optional(),
  worker: z.string().optional(),
  instance: z.string().optional().describe('Which backend instance has it'),
  service_job_id: z.string().optional().describe("The backend's own id"),
  retry_of: z.string().optional(),
  error: jobErrorSchema.optional().describe('Of the last failed attempt while it goes on, or the final one'),
  result: z.unknown().optional(),
  artifacts: z.array(artifactSchema),
  temporal: z.object({
    workflow_id: z.string(),
    run_id: z.string(),
    url: z.string().optional().describe('In the Temporal Web UI'),
  }),
  links: z.object({ self: z.string(), events: z.string(), cancel: z.string(), artifacts: z.string() }),
});

const eventId = z.string().describe('Place in the life of the job; what Last-Event-ID takes');

export const jobEventSchema: z.ZodType<JobEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), id: eventId, job: jobViewSchema }),
  z.object({
    type: z.literal('state'),
    id: eventId,
    job_id: z.string(),
    status: z.enum(JOB_STATUSES),
    status_reason: z.enum(STATUS_REASONS).optional(),
    status_message: z.string().optional(),
    attempt: z.int().min(0),
    error: jobErrorSchema.optional(),
  }),
  z.object({
    type: z.literal('progress'),
    id: eventId,
    job_id: z.string(),
    attempt: z.int().min(0),
    progress: progressSchema,
  }),
  z.object({ type: z.literal('end'), id: eventId, job: jobViewSchema }),
]);

const liveBase = {
  id: eventId,
  job_id: z.string(),
  attempt: z.int().min(0),
  seq: z.int().min(0).describe('Rises within an attempt'),
};

export const liveEventSchema: z.ZodType<LiveEvent> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('token'),
    ...liveBase,
    position: z.int().min(0).describe('Characters (UTF-16 code units) of the text before this piece'),
    text: z.string(),
  }),
  z.object({
    type: z.literal('preview'),
    ...liveBase,
    index: z.int(),
    mime: z.string(),
    bytes: z.int().min(0),
    data_url: z.string().optional().describe('The picture; absent where it follows in the same binary frame'),
  }),
  z.object({
    type: z.literal('reset'),
    ...liveBase,
    reason: z.enum(['new_attempt', 'started_again']).describe('Why the text so far is void'),
  }),
  z.object({
    type: z.literal('dropped'),
    ...liveBase,
    characters: z.int().min(0).describe('Characters that this client will not get'),
    previews: z.int().min(0).describe('Previews that this client will not get'),
  }),
]);

export const jobAttemptSchema: z.ZodType<JobAttempt> = z.object({
  number: z.int().min(1),
  state: z
    .enum(['queued', 'waiting', 'running', 'completed', 'failed', 'timed_out', 'cancelled', 'not_started'])
    .describe(
      'not_started: no attempt was under way; of a job cancelled while it waited for a retry nothing more is known',
    ),
  pool: z.string().optional(),
  task_queue: z.string(),
  started_at: instant.optional(),
  ended_at: instant.optional(),
  worker: z.string().optional(),
  error: jobErrorSchema.optional(),
  next_try_at: instant.optional(),
});
