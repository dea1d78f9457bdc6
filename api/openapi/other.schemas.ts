import { z } from 'zod';
import { serviceHealthShape } from '../../contract/service-health.schema.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import type { ProblemDocument } from '../http/write-problem.ts';
import {
  artifactSchema,
  errorCodeSchema,
  fieldErrorSchema,
  jobAttemptSchema,
  jobSummarySchema,
} from './job.schemas.ts';

/** What the API answers beside jobs. */
export const problemSchema: z.ZodType<ProblemDocument> = z
  .looseObject({
    type: z.string().describe('urn:switchyard:error:<code>'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong with this request'),
    code: errorCodeSchema.describe('Stable; docs/errors.md explains each'),
    retryable: z.boolean().describe('Whether the same request may succeed later'),
    help: z.string().describe('The way out'),
    errors: z.array(fieldErrorSchema).optional().describe('Every field that is wrong'),
    instance: z.string().optional().describe('The request, as in the log'),
  })
  .describe('Problem document (RFC 9457)');

export const jobPageSchema = z.object({
  jobs: z.array(jobSummarySchema),
  next_cursor: z.string().optional().describe('Absent on the last page'),
});

export const attemptListSchema = z.object({ attempts: z.array(jobAttemptSchema) });
export const artifactListSchema = z.object({ artifacts: z.array(artifactSchema) });

export const logPageSchema = z.object({
  logs: z.array(z.looseObject({ time: z.string(), level: z.string(), message: z.string() })),
  note: z.string().optional().describe('What is not in the list, and why'),
});

export const serviceSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  type: z.enum(['internal', 'external']),
  pools: z.array(z.string()).describe('Preferred first'),
  connectors: z.array(z.string()),
  required_env: z.array(z.string()).describe('Variables that its workers must have'),
  inputs: z
    .array(z.object({ field: z.string(), description: z.string(), mime: z.array(z.string()), required: z.boolean() }))
    .describe('Payload fields that hold a media reference'),
  example: z.record(z.string(), z.unknown()).describe('A payload that works as it is'),
  payload_schema: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of the payload'),
  workers: z.int().describe('Workers that are there, over all pools'),
  ...serviceHealthShape,
});
export const serviceListSchema = z.object({
  services: z.array(serviceSchema),
  off: z
    .array(z.object({ name: z.string(), family: z.string().describe('What CONNECTORS would have to name') }))
    .describe('Services that CONNECTORS leaves out here'),
});

export const workerSchema: z.ZodType<WorkerPresence> = z.object({
  task_queue: z.string(),
  identity: z.string(),
  host: z.string(),
  process_id: z.string(),
  started_at: z.iso.datetime(),
  heartbeat_at: z.iso.datetime().describe("The worker's clock"),
  slots_used: z.int(),
  slots_free: z.int().describe('-1 when unknown'),
  shares: z
    .string()
    .optional()
    .describe(
      'On a queue for jobs with needs: the queue with whose worker in the same process it has its slots in common',
    ),
  attempts_ended: z.int().optional().describe('Since it started'),
  attempts_failed: z.int().optional(),
  leaving: z.boolean().optional().describe('Takes no more jobs; leaves when those it has are done'),
  version: z.string().optional().describe('deployment:build, of an orchestrator with a build id'),
  host_cpu: z.number().optional(),
  host_memory: z.number().optional(),
});
export const workerListSchema = z.object({ workers: z.array(workerSchema) });

export const healthSchema = z.object({
  status: z.enum(['ok', 'unavailable']),
  checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })).optional(),
});
