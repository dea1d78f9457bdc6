import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { configOf } from '../base/env-template.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

/** Variables of the ComfyUI connectors, with their defaults. */
export const COMFYUI_ENV: Record<string, string> = {
  COMFYUI_URL: '${COMFYUI_URL:-}',
  COMFYUI_HOST: '${COMFYUI_HOST:-}',
  COMFYUI_PORT: '${COMFYUI_PORT:-8188}',
  COMFYUI_SECURE: '${COMFYUI_SECURE:-false}',
  COMFYUI_USERNAME: '${COMFYUI_USERNAME:-}',
  COMFYUI_PASSWORD: '${COMFYUI_PASSWORD:-}',
  COMFYUI_API_KEY: '${COMFYUI_API_KEY:-}',
  COMFYUI_API_KEY_HEADER: '${COMFYUI_API_KEY_HEADER:-Authorization}',
  COMFYUI_ORG_API_KEY: '${COMFYUI_ORG_API_KEY:-}',
  COMFYUI_TIMEOUT_SECONDS: '${COMFYUI_TIMEOUT_SECONDS:-30}',
  COMFYUI_POLL_SECONDS: '${COMFYUI_POLL_SECONDS:-2}',
  COMFYUI_OUTAGE_SECONDS: '${COMFYUI_OUTAGE_SECONDS:-90}',
  COMFYUI_STALL_SECONDS: '${COMFYUI_STALL_SECONDS:-900}',
  COMFYUI_ZOMBIE_SECONDS: '${COMFYUI_ZOMBIE_SECONDS:-30}',
  COMFYUI_CANCEL_SECONDS: '${COMFYUI_CANCEL_SECONDS:-30}',
  COMFYUI_CATALOG_SECONDS: '${COMFYUI_CATALOG_SECONDS:-60}',
  COMFYUI_ALLOWED_NODES: '${COMFYUI_ALLOWED_NODES:-}',
  COMFYUI_DENIED_NODES: '${COMFYUI_DENIED_NODES:-}',
  COMFYUI_MAX_TEXT_LENGTH: '${COMFYUI_MAX_TEXT_LENGTH:-50000}',
  COMFYUI_MAX_PIXELS: '${COMFYUI_MAX_PIXELS:-1000000000}',
  COMFYUI_ALLOW_PRIVATE_URLS: '${COMFYUI_ALLOW_PRIVATE_URLS:-false}',
  COMFYUI_TEMPLATE_DIR: '${COMFYUI_TEMPLATE_DIR:-}',
  COMFYUI_TAG_OUTPUTS: '${COMFYUI_TAG_OUTPUTS:-true}',
  COMFYUI_DIR: '${COMFYUI_DIR:-}',
  COMFYUI_PYTHON: '${COMFYUI_PYTHON:-}',
};

const seconds = z.coerce.number('must be a number of seconds').min(0, 'must be 0 or more seconds');
const positive = z.coerce.number('must be a number of seconds').gt(0, 'must be more than 0 seconds');
const whole = z.coerce.number('must be a number').int('must be a whole number').min(0, 'must be 0 or more');
const flag = z.union([z.boolean(), z.stringbool()], 'must be true or false');
const list = z.union([
  z.array(z.string()),
  z.string().transform((value) =>
    value
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
  ),
]);

const schema = z.object({
  /** Where ComfyUI answers; wins over host, port and secure. */
  url: z.string().default(''),
  host: z.string().default(''),
  port: z.coerce
    .number('must be a port')
    .int('must be a port')
    .min(1, 'must be a port')
    .max(65_535, 'must be a port')
    .default(8_188),
  secure: flag.default(false),
  /** Basic authentication at a proxy in front: ComfyUI itself knows none. */
  username: z.string().default(''),
  password: z.string().default(''),
  api_key: z.string().default(''),
  /** `Authorization` sends `Bearer <key>`, any other header the key itself. */
  api_key_header: z
    .string()
    .regex(/^[\w-]+$/, 'must be the name of a header')
    .default('Authorization'),
  /** Sent with each graph, for nodes that ask Comfy's paid partners. */
  org_api_key: z.string().default(''),
  /** For one request. */
  timeout_seconds: positive.default(30),
  /** Between two looks at queue and history; they are the truth, the socket is only faster. */
  poll_seconds: positive.default(2),
  /** How long an unreachable server is waited for; a restart takes 25–40 s. */
  outage_seconds: seconds.default(90),
  /** A prompt that runs without a sign of life for so long counts as dead; 0 switches it off. Needs the socket. */
  stall_seconds: seconds.default(900),
  /** Prompts that wait while nothing runs, for so long: the worker thread is dead. */
  zombie_seconds: positive.default(30),
  /** How long a cancel is repeated for a prompt that does not let go. */
  cancel_seconds: seconds.default(30),
  /** How long node definitions and lists of models are kept. */
  catalog_seconds: seconds.default(60),
  allowed_nodes: list.default([]),
  denied_nodes: list.default([]),
  /** Characters of one text input; 0: any. */
  max_text_length: whole.default(50_000),
  /** Width × height × pictures that one node is asked for; 0: any. */
  max_pixels: whole.default(1_000_000_000),
  /** Lets text inputs name addresses inside the network, for nodes that fetch them. */
  allow_private_urls: flag.default(false),
  template_dir: z.string().default(''),
  /** Puts a mark of the job before `filename_prefix`, so that two processes on one folder never pick the same name. */
  tag_outputs: flag.default(true),
  /** ComfyUI's own folder on this machine, for custom nodes. */
  dir: z.string().default(''),
  /** Empty: the one of the folder's own virtual environment, else `python3`. */
  python: z.string().default(''),
});

export type ComfySettings = z.output<typeof schema> & { base_url: string };

/** What the environment says, by names of the configuration: `COMFYUI_POLL_SECONDS` → `poll_seconds`. */
export function configFromEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  return configOf(COMFYUI_ENV, 'COMFYUI_', env);
}

/**
 * @param defaultHost where ComfyUI is when nothing says so; without one an address must be given
 * @throws ConnectorError `validation` naming every bad value with its variable
 */
export function readSettings(
  config: ConnectorConfig,
  defaultHost: string | undefined,
  env: NodeJS.ProcessEnv,
): ComfySettings {
  const parsed = schema.safeParse(config);
  const problems = (parsed.error?.issues ?? []).map(
    (issue) => `COMFYUI_${String(issue.path[0]).toUpperCase()} ${issue.message}`,
  );
  if (!parsed.success) throw new ConnectorError('validation', `ComfyUI is not set up right: ${problems.join('; ')}`);
  const settings = parsed.data;
  const host = settings.host || defaultHost;
  const base =
    config.base_url || settings.url || (host ? `${settings.secure ? 'https' : 'http'}://${host}:${settings.port}` : '');
  if (!base) {
    throw new ConnectorError(
      'validation',
      'ComfyUI is not set up right: neither COMFYUI_URL nor COMFYUI_HOST is set; give e.g. COMFYUI_URL=https://comfy.example.org',
    );
  }
  const template_dir = settings.template_dir || join(env['SWITCHYARD_CONFIG_DIR'] || 'config', 'comfyui', 'templates');
  return {
    ...settings,
    base_url: base.replace(/\/+$/, ''),
    template_dir: isAbsolute(template_dir) ? template_dir : resolve(process.cwd(), template_dir),
  };
}
