import { z } from 'zod';
import { QUEUE_PART } from '../../contract/task-queues.ts';

/** `service-mapping.json` in the words of the connector creation guide. Text values may hold `${VAR:-default}`. */
const capability = z.string().regex(QUEUE_PART, 'is no capability name: lower-case letters, digits, "-" and "_"');
/** Numbers may come out of `${VAR:-4}` as text. */
const count = z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1');

export const connectorEntrySchema = z.strictObject({
  path: z.string().optional().describe('Folder or file of the connector; found by its class name when absent'),
  description: z.string().optional(),
});

export const workerServiceSchema = z.strictObject({
  capability: z
    .union([capability, z.array(capability).min(1)])
    .describe('What jobs it takes; several names are aliases'),
  connector: z.string().min(1),
  type: z.enum(['internal', 'external']).default('external'),
});

export const workerEntrySchema = z.strictObject({
  service: z.array(workerServiceSchema).min(1),
  description: z.string().optional(),
  pools: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Pools that run it, the preferred one first; default: the first pool'),
  max_concurrent_jobs: count.optional().describe("Overrides the pool's, per worker process"),
  timeout_seconds: z.coerce.number().positive().optional().describe("Overrides the pool's default run_timeout"),
  models: z.array(z.string()).optional(),
  installer: z.string().nullish(),
  resource_binding: z.string().default('shared').describe('shared, gpu, cpu, mock_gpu or a name of your own'),
  build_stage: z.string().default('base'),
  required_env: z.array(z.string()).default([]),
  api_config: z.record(z.string(), z.unknown()).optional(),
  installer_config: z.record(z.string(), z.unknown()).optional(),
  service_instances_per_gpu: count.optional(),
  ports: z.array(z.union([z.string(), z.number()])).optional(),
  port_increment: count.optional(),
});

export const serviceMappingSchema = z.strictObject({
  $schema: z.string().optional(),
  connectors: z.record(z.string(), connectorEntrySchema),
  workers: z.record(z.string(), workerEntrySchema),
});

export type ServiceMapping = z.output<typeof serviceMappingSchema>;
export type WorkerEntry = z.output<typeof workerEntrySchema>;
