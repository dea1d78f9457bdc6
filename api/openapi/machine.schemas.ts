import { z } from 'zod';
import { INSTANCE_STATUSES, type MachineCard } from '../../contract/machine-card.ts';
import type { MachineOperation } from '../../contract/machine-command.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import type { MachineEvent, MachineView } from '../../contract/machine-view.ts';
import { COMMAND_KINDS } from '../../contract/machine-command.ts';
import { errorCodeSchema, fieldErrorSchema } from './job.schemas.ts';

/** What the API answers about machines. Typed by the contract: a field that drifts apart does not compile. */
const instant = z.iso.datetime();
const unknownNumber = z.number().nullable();

const gpuSchema = z.object({
  index: z.int().describe('Position on the machine, from 0'),
  vendor: z.enum(['nvidia', 'amd', 'apple', 'mock']),
  name: z.string(),
  device: z.string().describe('What a process is bound to it by'),
  uuid: z.string().optional(),
  mig_profile: z.string().optional(),
  memory_total_bytes: unknownNumber,
  memory_used_bytes: unknownNumber,
  utilization_percent: unknownNumber,
  temperature_celsius: unknownNumber,
  driver_version: z.string().optional(),
});

const factsSchema: z.ZodType<MachineFacts> = z.object({
  type: z.enum(['gpu', 'api']),
  hostname: z.string(),
  platform: z.string(),
  arch: z.string(),
  gpus: z.array(gpuSchema),
  gpu_problems: z.array(z.string()).describe('Why a device that seems to be there cannot be used, and what to do'),
  cpu: z.object({ model: z.string(), cores: z.number(), usable: z.number() }),
  memory: z.object({ total_bytes: z.number(), available_bytes: z.number(), limited: z.boolean() }),
  disk: z.object({ path: z.string(), total_bytes: z.number(), free_bytes: z.number() }),
});

const serviceSchema = z.object({
  name: z.string(),
  service: z.string(),
  state: z.enum(['installing', 'starting', 'running', 'unhealthy', 'restarting', 'stopped', 'failed']),
  reason: z.string().optional(),
  pid: z.int().optional(),
  port: z.int().optional(),
  gpus: z.array(z.int()),
  restarts: z.int(),
  started_at: z.number().optional(),
  cpu_percent: z.number().optional(),
  memory_bytes: z.number().optional(),
});

export const instanceCardSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  status: z.enum(INSTANCE_STATUSES),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  gpus: z.array(z.int()),
  active_jobs: z.int(),
  max_jobs: z.int(),
  active: z.boolean(),
  last_error: z.string().optional(),
});

const workerSchema = z.object({
  name: z.string(),
  pid: z.int().optional(),
  state: z.enum(['starting', 'running', 'paused', 'restarting', 'stopped', 'failed']),
  reason: z.string().optional(),
  task_queues: z.array(z.string()),
  slots: z.int(),
  active_jobs: z.int(),
  hot_models: z.array(z.string()),
  restarts: z.int(),
  memory_bytes: z.number().optional(),
  cpu_percent: z.number().optional(),
});

const cardSchema: z.ZodType<MachineCard> = z.object({
  v: z.literal(1),
  machine_id: z.string(),
  boot_id: z.string().describe('New at every start of the machine process'),
  seq: z.int(),
  at: z.number().describe("Epoch milliseconds of the machine's clock"),
  started_at: z.number(),
  state: z.enum(['starting', 'ready', 'draining', 'drained', 'exhausted', 'stopping', 'failed']),
  state_reason: z.string().optional(),
  version: z.string(),
  facts: factsSchema,
  cpu_percent: unknownNumber,
  services: z.array(serviceSchema),
  instances: z.array(instanceCardSchema),
  workers: z.array(workerSchema),
});

export const machineViewSchema: z.ZodType<MachineView> = z.object({
  id: z.string(),
  presence: z.enum(['alive', 'starting', 'away', 'left']),
  reason: z.string().optional().describe('Of a machine that is not alive: what happened'),
  seen_at: instant.optional().describe('Last sign of life'),
  away_since: instant.optional(),
  card: cardSchema.optional().describe('The newest, or of a machine that is not there the last one'),
});

export const machineListSchema = z.object({ machines: z.array(machineViewSchema) });

export const machineOperationSchema: z.ZodType<MachineOperation> = z.object({
  id: z.string(),
  kind: z.enum(COMMAND_KINDS),
  state: z.enum(['running', 'succeeded', 'failed', 'expired']),
  started_at: z.number(),
  ended_at: z.number().optional(),
  result: z.unknown().optional(),
  error: z
    .object({
      code: errorCodeSchema,
      message: z.string(),
      errors: z.array(fieldErrorSchema).optional().describe('Field by field, where fields are to blame'),
    })
    .optional(),
});

export const machineEventSchema: z.ZodType<MachineEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('machines'), id: z.string(), machines: z.array(machineViewSchema) }),
  z.object({ type: z.literal('machine'), id: z.string(), machine: machineViewSchema }),
  z.object({ type: z.literal('machine_gone'), id: z.string(), machine_id: z.string() }),
]);
