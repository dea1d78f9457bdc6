import { z } from 'zod';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

/** Variables of the Automatic1111 connectors, with their defaults. */
export const A1111_ENV: Record<string, string> = {
  A1111_URL: '${A1111_URL:-}',
  A1111_HOST: '${A1111_HOST:-}',
  A1111_PORT: '${A1111_PORT:-7860}',
  A1111_SECURE: '${A1111_SECURE:-false}',
  A1111_USERNAME: '${A1111_USERNAME:-}',
  A1111_PASSWORD: '${A1111_PASSWORD:-}',
  A1111_API_KEY: '${A1111_API_KEY:-}',
  A1111_API_KEY_HEADER: '${A1111_API_KEY_HEADER:-Authorization}',
  A1111_MODEL: '${A1111_MODEL:-}',
  A1111_MODELS: '${A1111_MODELS:-}',
  A1111_MAX_MEGAPIXELS: '${A1111_MAX_MEGAPIXELS:-16}',
  A1111_TIMEOUT_SECONDS: '${A1111_TIMEOUT_SECONDS:-30}',
  A1111_GENERATION_SECONDS: '${A1111_GENERATION_SECONDS:-3600}',
  A1111_ANSWER_SECONDS: '${A1111_ANSWER_SECONDS:-60}',
  A1111_POLL_SECONDS: '${A1111_POLL_SECONDS:-1}',
  A1111_OUTAGE_SECONDS: '${A1111_OUTAGE_SECONDS:-90}',
  A1111_CANCEL_SECONDS: '${A1111_CANCEL_SECONDS:-60}',
  A1111_CATALOG_SECONDS: '${A1111_CATALOG_SECONDS:-60}',
  A1111_MAX_RESPONSE_MB: '${A1111_MAX_RESPONSE_MB:-256}',
  A1111_PREVIEWS: '${A1111_PREVIEWS:-true}',
  A1111_RECOVER: '${A1111_RECOVER:-auto}',
  A1111_DIR: '${A1111_DIR:-}',
  A1111_HEALTH_CHECK_INTERVAL_SECONDS: '${A1111_HEALTH_CHECK_INTERVAL_SECONDS:-30}',
};

const seconds = z.coerce.number('must be a number of seconds').min(0, 'must be 0 or more seconds');
/** Node's timers take no more. Seconds. */
const LONGEST = 2_000_000;
const positive = z.coerce
  .number('must be a number of seconds')
  .gt(0, 'must be more than 0 seconds')
  .max(LONGEST, `must be at most ${LONGEST} seconds`);
const flag = z.union([z.boolean(), z.stringbool()], 'must be true or false');
const list = z.union([z.array(z.string()), z.string().transform((value) => value.split(','))]).transform((values) => {
  return values.map((value) => value.trim()).filter(Boolean);
});

const schema = z.object({
  /** Where the web UI answers, with its `--subpath` if it has one; wins over host, port and secure. */
  url: z.string().default(''),
  host: z.string().default(''),
  port: z.coerce
    .number('must be a port')
    .int('must be a port')
    .min(1, 'must be a port')
    .max(65_535, 'must be a port')
    .default(7_860),
  secure: flag.default(false),
  /** As given to `--api-auth`. */
  username: z.string().default(''),
  password: z.string().default(''),
  /** For a proxy in front of a hosted one. */
  api_key: z.string().default(''),
  api_key_header: z
    .string()
    .regex(/^[\w-]+$/, 'must be the name of a header')
    .default('Authorization'),
  /** Checkpoint of jobs that name none; without one they get what the server has loaded. */
  model: z.string().default(''),
  /** Checkpoints that jobs may name; empty: any. */
  models: list.default([]),
  /** Largest picture, with the upscaling of hires fix and extras. Millions of pixels. */
  max_megapixels: z.coerce.number('must be a number').gt(0, 'must be more than 0').default(16),
  /** For one request that does no work. */
  timeout_seconds: positive.default(30),
  /** For the one that makes the pictures: the server answers it when all of them are done. */
  generation_seconds: positive.default(3_600),
  /** How long the answer may be on its way after the server has said that it is done. */
  answer_seconds: positive.default(60),
  /** Between two looks at the progress. */
  poll_seconds: positive.default(1),
  /** How long the server may leave all looks unanswered while it works. */
  outage_seconds: seconds.default(90),
  /** How long a cancel waits for its task to come up, and to end. */
  cancel_seconds: seconds.default(60),
  /** How long lists of models, samplers and so on are believed. */
  catalog_seconds: seconds.default(60),
  /** Largest answer; pictures come as text. */
  max_response_mb: z.coerce.number('must be a number').gt(0, 'must be more than 0').default(256),
  /** Each costs the server a decoded latent; asked for only while somebody can watch. */
  previews: flag.default(true),
  /** Whether the server keeps files, so that a lost answer can be had from them; auto: where `dir` is set. */
  recover: z.enum(['auto', 'off', 'files'], 'must be auto, off or files').default('auto'),
  /** The web UI's own folder, as this machine sees it. */
  dir: z.string().default(''),
  health_check_interval_seconds: seconds.default(30),
});

export type A1111Settings = z.output<typeof schema> & { base_url: string };

/** `A1111_POLL_SECONDS` → `poll_seconds`: names in the configuration. */
export function settingName(variable: string): string {
  return variable.replace(/^A1111_/, '').toLowerCase();
}

/**
 * @param defaultHost where the web UI is when nothing says so; without one an address must be given
 * @throws ConnectorError `validation` naming every bad value with its variable
 */
export function readSettings(config: ConnectorConfig, defaultHost: string | undefined): A1111Settings {
  const refuse = (problem: string) => new ConnectorError('validation', `Automatic1111 is not set up right: ${problem}`);
  const parsed = schema.safeParse(config);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `A1111_${String(path[0]).toUpperCase()} ${message}`,
    );
    throw refuse(problems.join('; '));
  }
  const settings = parsed.data;
  const host = settings.host || defaultHost;
  const base =
    config.base_url || settings.url || (host ? `${settings.secure ? 'https' : 'http'}://${host}:${settings.port}` : '');
  if (!base) {
    throw refuse('neither A1111_URL nor A1111_HOST is set; give e.g. A1111_URL=https://sd.example.org');
  }
  return { ...settings, base_url: base.replace(/\/+$/, '') };
}
