import { z } from 'zod';

/**
 * The configuration of one ComfyUI instance, with the field names of its file (`comfyui_instances.json`). Unlike other
 * wire documents it is in camelCase: the file's format says so, and one document has one spelling everywhere.
 */
const INSTANCE_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const ID_HINT = 'must be 1–63 letters, digits, "-" or "_", a letter or digit first';
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[?[0-9A-Fa-f:.]{2,45}\]?)$/;
const GPU = /^(?:auto|cpu|mps|(?:(?:cuda|rocm|hip|gpu):?)?\d{1,2}|(?:GPU|MIG|MOCK)-[\w/-]{1,80})$/;
const DAY = 86_400_000;

const text = (most: number) => z.string().max(most, `must have at most ${most} characters`);

const fields = {
  id: z.string().regex(INSTANCE_ID, ID_HINT).describe('Of files and addresses; lasts'),
  name: text(120).trim().min(1, 'must not be empty').describe('For people'),
  port: z.int('must be a port, 1–65535').min(1, 'must be 1–65535').max(65_535, 'must be 1–65535'),
  host: text(255).regex(HOST, 'must be a host name or an address').default('localhost').describe('Default: localhost'),
  url: text(2_048)
    .optional()
    .describe('Address of a ComfyUI that runs already, here or elsewhere: nothing is started then'),
  gpuDevice: text(100)
    .regex(GPU, 'must be auto, cpu, mps, a number such as cuda:0, or the id of a device')
    .optional()
    .describe('auto: the device with the fewest instances'),
  envVars: z
    .record(text(256), z.union([text(32_768), z.number(), z.boolean()]).transform(String))
    .refine((variables) => Object.keys(variables).length <= 200, 'must have at most 200 variables')
    .optional()
    .describe('Environment of the process'),
  customNodesPath: text(4_096).min(1, 'must not be empty').optional().describe('Further folder of custom nodes'),
  maxConcurrentWorkflows: z
    .int('must be a whole number')
    .min(1, 'must be 1–100')
    .max(100, 'must be 1–100')
    .default(1)
    .describe('Default: 1'),
  timeoutMs: z
    .int('must be a whole number of milliseconds')
    .min(1_000, 'must be at least 1000')
    .max(7 * DAY, 'must be at most 7 days')
    .default(300_000)
    .describe('For one workflow, from when the instance takes it. Default: 300000'),
  enableQueueMonitoring: z.boolean('must be true or false').default(true).describe('Default: true'),
  autoStart: z.boolean('must be true or false').default(false).describe('With the machine. Default: false'),
  description: text(2_000).optional(),
  apiKey: text(4_096)
    .optional()
    .describe('For a proxy in front of it; never shown. ${COMFYUI_…} names a variable of the machine that holds it'),
  apiKeyHeader: z
    .string()
    .regex(/^[\w-]{1,100}$/, 'must be the name of a header')
    .optional()
    .describe('Authorization (the default) sends "Bearer KEY", another header the key itself'),
};

/** As it is kept. What a hand-written file has beyond these fields is refused with its name. */
export const instanceConfigSchema = z.strictObject(fields);
export type InstanceConfig = z.output<typeof instanceConfigSchema>;

/** What creates one: without an id one is made from the name, without a port the next free one from 8188 is taken. */
export const instanceWishSchema = z.strictObject({
  ...fields,
  id: fields.id.optional(),
  port: fields.port.optional(),
});
export type InstanceWish = z.input<typeof instanceWishSchema>;

/** A change. `null` takes an optional field away. */
export const instanceChangeSchema = z.strictObject({
  name: fields.name.optional(),
  port: fields.port.optional(),
  host: fields.host.unwrap().optional(),
  url: fields.url.nullable(),
  gpuDevice: fields.gpuDevice.nullable(),
  envVars: fields.envVars.nullable(),
  customNodesPath: fields.customNodesPath.nullable(),
  maxConcurrentWorkflows: fields.maxConcurrentWorkflows.unwrap().optional(),
  timeoutMs: fields.timeoutMs.unwrap().optional(),
  enableQueueMonitoring: fields.enableQueueMonitoring.unwrap().optional(),
  autoStart: fields.autoStart.unwrap().optional(),
  description: fields.description.nullable(),
  apiKey: fields.apiKey.nullable(),
  apiKeyHeader: fields.apiKeyHeader.nullable(),
});
export type InstanceChange = z.input<typeof instanceChangeSchema>;
