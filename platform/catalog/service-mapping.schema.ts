import { z } from 'zod';
import { QUEUE_PART } from '../../contract/task-queues.ts';
import { positiveNumber, wholeNumber } from './numbers.schema.ts';

/** `service-mapping.json` in the words of the connector creation guide. Text values may hold `${VAR:-default}`. */
const capability = z
  .string()
  .regex(QUEUE_PART, 'must be a capability name: lower-case letters, digits, "-" and "_", at most 64 of them');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');
const text = z.string().min(1, 'must not be empty');
const WORKER_ID = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** Bindings that need no definition. */
export const BUILT_IN_BINDINGS = ['shared', 'gpu', 'cpu', 'mock_gpu'] as const;

export const connectorEntrySchema = z.strictObject({
  path: z.string().optional().describe('Where it is, for readers: a connector is found by its class name'),
  description: z.string().optional(),
});

export const workerServiceSchema = z.strictObject({
  capability: z
    .union([capability, z.array(capability).min(1, 'must name a capability')])
    .describe('What jobs name as their service; several names are aliases, each with its queue'),
  connector: text.describe('Class that does the work; a key under `connectors`'),
  type: z
    .enum(['internal', 'external'])
    .default('external')
    .describe('`internal`: the work, or the program it is given to, is on this machine; `external`: elsewhere'),
});

/** Known names, and whatever an installer of one's own needs besides. */
const installerConfigSchema = z
  .looseObject({
    install_command: text.optional().describe('What installs the program'),
    config_path: text.optional().describe('Where its configuration lies'),
    install_timeout: positiveNumber().optional().describe('Seconds'),
  })
  .describe(
    'For the installer: `install_command`, `config_path`, `install_timeout` (seconds), and what it needs besides',
  );

const apiConfigSchema = z
  .looseObject({
    base_url: z.string().optional().describe('Address of the service'),
    timeout: positiveNumber().optional().describe('Seconds for one request'),
    max_retries: wholeNumber(0, 99).optional().describe('Of requests that may be repeated'),
  })
  .describe(
    'Handed to the connector, over its settings from the environment: `base_url`, `timeout` (seconds), `max_retries`, and any setting of the connector by its name',
  );

export const workerEntrySchema = z.strictObject({
  service: z.array(workerServiceSchema).min(1, 'must have an entry').describe('What it can do, and by which connector'),
  description: z.string().optional(),
  pools: z
    .array(z.string())
    .min(1, 'must name a pool')
    .optional()
    .describe('Pools that run it, the preferred one first; default: the first pool'),
  max_concurrent_jobs: wholeNumber(1, 1_000).optional().describe("Overrides the pool's, per instance and queue"),
  timeout_seconds: positiveNumber().optional().describe("Overrides the pool's default run_timeout"),
  models: z.array(text).optional().describe('Models it has; unset: what the pool offers'),
  installer: z.string().nullish().describe('Name of what installs its program; null: nothing to install'),
  resource_binding: text
    .default('shared')
    .describe('`shared`, `gpu`, `cpu`, `mock_gpu`, or a name under `resource_bindings`'),
  build_stage: text.default('base').describe('Stage of the Dockerfile that a container of it is built to'),
  required_env: z.array(variable).default([]).describe('Variables it does not start without'),
  api_config: apiConfigSchema.optional(),
  installer_config: installerConfigSchema.optional(),
  service_instances_per_gpu: wholeNumber(1, 64)
    .optional()
    .describe('Instances that share a GPU, or a unit of another binding; default 1'),
  ports: z.array(wholeNumber(1, 65_535)).optional().describe('Ports of the first instance on a machine'),
  port_increment: wholeNumber(1, 10_000)
    .optional()
    .describe('Added to every port for each further instance; default 1'),
});

/** A kind of resource of one's own: a licence, a TPU, a capture card. Each unit is given to one worker at a time. */
export const resourceBindingSchema = z.strictObject({
  description: z.string().optional(),
  units: wholeNumber(0, 10_000)
    .default(0)
    .describe('How many a machine has, unless SWITCHYARD_RESOURCES says otherwise'),
  device_env: variable.optional().describe("Variable that tells an instance its unit's number, counted from 0"),
});

export const serviceMappingSchema = z.strictObject({
  $schema: z.string().optional(),
  connectors: z.record(text, connectorEntrySchema).describe('Classes that workers name'),
  workers: z
    .record(
      z.string().regex(WORKER_ID, 'is no worker name: letters, digits, "-", "_" and ".", at most 64 of them'),
      workerEntrySchema,
    )
    .describe('What can be run, by the name that WORKERS uses'),
  resource_bindings: z
    .record(
      z.string().regex(QUEUE_PART, 'is no binding name: lower-case letters, digits, "-" and "_"'),
      resourceBindingSchema,
    )
    .optional()
    .describe('Kinds of resources besides GPUs'),
});

export type ServiceMapping = z.output<typeof serviceMappingSchema>;
export type WorkerEntry = z.output<typeof workerEntrySchema>;
export type ResourceBinding = z.output<typeof resourceBindingSchema>;
