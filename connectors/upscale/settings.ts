import { z } from 'zod';
import { ConfigError } from '../../platform/config/config-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

const count = (least: number, most: number) =>
  z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);

/**
 * Settings of the connector: key in its configuration (service mapping), environment variable, bounds, default.
 */
const SETTINGS = {
  threads: {
    env: 'UPSCALE_THREADS',
    schema: count(1, 64),
    default: 1,
    description: 'Tiles computed at the same time, for all jobs of the process together; one keeps one core busy',
  },
  tile_size: {
    env: 'UPSCALE_TILE_SIZE',
    schema: count(8, 512),
    default: 96,
    description: 'Longest side of a tile, input pixels. Larger: up to 10 % faster, coarser progress',
  },
  idle_seconds: {
    env: 'UPSCALE_IDLE_SECONDS',
    schema: count(0, 86_400),
    default: 60,
    description: 'How long a thread without work keeps its memory',
  },
  thread_heap_mb: {
    env: 'UPSCALE_THREAD_HEAP_MB',
    schema: count(8, 65_536).optional(),
    default: undefined,
    description: "Limit of a thread's JavaScript heap",
  },
  max_input_pixels: {
    env: 'UPSCALE_MAX_INPUT_PIXELS',
    schema: count(1, 1_000_000_000),
    default: 50_000_000,
    description: 'Largest input; its decoded pixels are held in memory, 3 or 4 bytes each',
  },
  max_output_pixels: {
    env: 'UPSCALE_MAX_OUTPUT_PIXELS',
    schema: count(1, 1_000_000_000),
    default: 400_000_000,
    description: 'Largest result; while it is made it takes 6 bytes each on disk',
  },
} as const;

type SettingName = keyof typeof SETTINGS;
export type UpscaleSettings = { readonly [K in SettingName]: z.output<(typeof SETTINGS)[K]['schema']> };

/**
 * Configuration > environment > default.
 * @throws ConfigError naming every bad value
 */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): UpscaleSettings {
  const settings: Record<string, unknown> = {};
  const problems = [];
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const raw = config[name] ?? (env[setting.env] || undefined) ?? setting.default;
    const parsed = setting.schema.safeParse(raw);
    if (parsed.success) settings[name] = parsed.data;
    else {
      const problem = parsed.error.issues.map((issue) => issue.message).join('; ');
      problems.push({
        name: `${name} (${setting.env})`,
        problem,
        hint: `${setting.description} (default ${setting.default ?? 'none'})`,
      });
    }
  }
  if (problems.length > 0) throw new ConfigError('The upscale connector is not configured well', problems);
  return settings as UpscaleSettings;
}

/** The variables above, as the creation guide wants them declared. */
export function environmentTemplates(): Record<string, string> {
  return Object.fromEntries(
    Object.values(SETTINGS).map(({ env, default: value }) => [env, `\${${env}:-${value ?? ''}}`]),
  );
}
