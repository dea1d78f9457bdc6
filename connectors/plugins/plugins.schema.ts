import { z } from 'zod';
import { DURATION_HINT, parseDuration } from '../../contract/duration.ts';

const timeLimit = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= 1 && ms <= 600_000) return ms;
  ctx.addIssue({ code: 'custom', message: `must be ${DURATION_HINT}, at most 10m` });
  return z.NEVER;
});

const enabled = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])], 'must be true or false')
  .transform((value) => value === true || value === 'true' || value === '1');

const pluginEntrySchema = z.strictObject({
  plugin: z
    .string()
    .min(1, 'must name a plugin')
    .describe('Name of the plugin: of its folder, or of its file without `-plugin`'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('What errors and logs call it; default: as `plugin`. Two uses of a plugin need two names'),
  enabled: enabled.default(true),
  services: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Services whose jobs it sees; `openai-*` takes all that begin so. Default: all'),
  connectors: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Classes of connectors it belongs to. Default: all'),
  options: z.record(z.string(), z.unknown()).default({}).describe("The plugin's own; checked by its own schema"),
  on_failure: z
    .enum(['fail', 'warn'], 'must be fail or warn')
    .default('fail')
    .describe('Whether its failure fails the job, or is logged only'),
  timeout: timeLimit.default(10_000).describe('Longest run of one hook'),
});

/** `plugins.json` of the configuration folder: the plugins in the order in which they see a job. */
export const pluginsFileSchema = z.strictObject({
  $schema: z.string().optional(),
  plugins: z.array(pluginEntrySchema),
});

export type PluginEntry = z.output<typeof pluginEntrySchema>;
