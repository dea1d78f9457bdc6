import { z } from 'zod';
import { instanceConfigSchema } from '../../contract/instance.schema.ts';
import type { InstanceView } from '../../contract/machine-view.ts';
import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import { INSTANCE_STATUSES } from '../../contract/machine-card.ts';
import { fieldErrorSchema } from './job.schemas.ts';
import { instanceCardSchema } from './machine.schemas.ts';

/** What the API answers about instances: cards in snake_case as machines have them, documents in their files' camelCase. */
const instant = z.iso.datetime();

const viewShape = {
  machine: z.string().describe('Id of its machine'),
  presence: z
    .enum(['alive', 'starting', 'away', 'left'])
    .describe('Of the machine; unless it is alive, the rest is what was known last'),
};

const instanceViewSchema: z.ZodType<InstanceView> = instanceCardSchema.extend(viewShape);
export const instanceListSchema = z.object({ instances: z.array(instanceViewSchema) });

const healthSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  lastChecked: instant.nullable().describe('Null: never'),
  responseTime: z.number().describe('Milliseconds'),
  errorCount: z.int(),
  consecutiveFailures: z.int(),
  reason: z.string().optional(),
  systemStats: z
    .object({
      cpuUsage: z.number().nullable().describe('Percent'),
      memoryUsage: z.number().nullable().describe('Percent'),
      gpuUsage: z.number().optional().describe('Percent of the memory of its device'),
      gpuMemoryFree: z.number().optional().describe('Bytes'),
      activeWorkflows: z.int(),
    })
    .optional(),
});

const alertSchema = z.object({
  instanceId: z.string(),
  kind: z.enum(['unhealthy', 'high_error_rate', 'resource_usage', 'connection_timeout', 'stalled_workflow']),
  message: z.string(),
  raisedAt: instant,
  endedAt: instant.optional().describe('Absent while it lasts'),
});

const statsSchema = z.object({
  totalWorkflows: z.int(),
  successfulWorkflows: z.int(),
  failedWorkflows: z.int(),
  averageResponseTime: z.number().describe('Milliseconds'),
  uptime: z.number().describe('Milliseconds'),
  lastError: z.string().optional(),
});

/** `instance.get` and what changes an instance. */
export const instanceDocumentSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  managed: z.boolean().describe('Its process is started and stopped by the machine'),
  active: z.boolean(),
  config: instanceConfigSchema.extend({
    envVars: z.record(z.string(), z.string()).optional().describe('Secrets are hidden'),
  }),
  status: z.enum(INSTANCE_STATUSES),
  health: healthSchema,
  stats: statsSchema,
  alerts: z.array(alertSchema),
  createdAt: instant,
  lastUsedAt: instant.nullable(),
});

export const instanceDetailsSchema = instanceCardSchema
  .extend(viewShape)
  .extend({ details: instanceDocumentSchema.optional().describe('With `full`: asked of the machine now') });

export const instanceHealthSchema = z.object({
  id: z.string(),
  health: healthSchema,
  alerts: z.array(alertSchema),
  checks: z.array(z.record(z.string(), z.unknown())).describe('The latest, oldest first'),
  errors: z.array(z.record(z.string(), z.unknown())),
});

export const instanceHistorySchema = z.object({
  id: z.string(),
  stats: statsSchema,
  metrics: z.array(z.record(z.string(), z.unknown())).describe('The latest, oldest first'),
  workflows: z.array(z.record(z.string(), z.unknown())),
});

export const instanceBulkSchema = z.object({
  instances: z.array(z.union([instanceDocumentSchema, z.object({ id: z.string(), deleted: z.literal(true) })])),
  failed: z
    .array(
      z.object({
        id: z.string(),
        code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
        message: z.string(),
        errors: z.array(fieldErrorSchema).optional(),
      }),
    )
    .describe('Those it could not be done with'),
});

export const instanceExportSchema = z.union([
  z.object({
    version: z.string(),
    instances: z.array(z.record(z.string(), z.unknown())),
    activeInstanceId: z.string().nullable(),
    lastSaved: instant,
  }),
  z.object({ file: z.string().describe('With secrets: where it lies on the machine') }),
]);

export const instanceImportSchema = z.object({
  instances: z.array(z.object({ id: z.string(), name: z.string() })).describe('All that there are now'),
  migration: z
    .object({
      migrated: z.boolean(),
      fromVersion: z.string().optional(),
      toVersion: z.string(),
      instancesCreated: z.int(),
      errors: z.array(z.string()),
    })
    .optional()
    .describe('Of the configuration of a single instance'),
});

export const instanceDeletedSchema = z.object({ id: z.string(), deleted: z.literal(true) });
