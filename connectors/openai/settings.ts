import { z } from 'zod';
import { ConfigError } from '../../platform/config/config-error.ts';
import { readPrices } from '../base/token-prices.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

/** Where OpenAI itself is; other servers speak the protocol too. */
const OPENAI = 'https://api.openai.com/v1';

const amount = (least: number, most: number) =>
  z.coerce.number('must be a number').min(least, `must be at least ${least}`).max(most, `must be at most ${most}`);
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'must be true or false')
  .transform((value) => value === true || value === 'true');
const list = z.union([z.string().transform((value) => value.split(',')), z.array(z.string())]).transform((values) => {
  return values.map((value) => value.trim()).filter(Boolean);
});
const optional = z.string().transform((value) => value || undefined);

/** Settings of the family: key in the configuration, schema, default, description. The variable is OPENAI_<KEY>. */
const SETTINGS = {
  api_key: { schema: z.string(), default: '', description: 'The API key' },
  api_keys: { schema: list, default: '', description: 'More API keys, comma-separated; used in turn' },
  base_url: { schema: z.string(), default: OPENAI, description: 'OpenAI or a server that speaks its protocol' },
  org_id: { schema: optional, default: '', description: 'Organization that requests count for' },
  project_id: { schema: optional, default: '', description: 'Project that requests count for' },
  api: {
    schema: z.enum(['auto', 'responses', 'chat'], 'must be auto, responses or chat'),
    default: 'auto',
    description: 'Which API texts come from; auto: responses at OpenAI, chat elsewhere',
  },
  background: {
    schema: z.enum(['auto', 'true', 'false'], 'must be auto, true or false'),
    default: 'auto',
    description: 'Whether responses run in the background, where they outlive a worker; auto: at OpenAI',
  },
  if_lost: {
    schema: z.enum(['fail', 'repeat'], 'must be fail or repeat'),
    default: 'fail',
    description: 'What becomes of a request that costs money when its answer is lost',
  },
  text_model: { schema: optional, default: '', description: 'Model of openai-text jobs that name none' },
  vision_model: { schema: optional, default: '', description: 'Model of openai-vision jobs that name none' },
  image_model: { schema: optional, default: '', description: 'Model of openai-image jobs that name none' },
  models: { schema: list, default: '', description: 'Models that jobs may name, comma-separated; empty: any' },
  check_models: { schema: flag, default: 'true', description: 'Look whether the server has a model before asking it' },
  max_tokens_field: {
    schema: z.enum(
      ['auto', 'max_completion_tokens', 'max_tokens'],
      'must be auto, max_completion_tokens or max_tokens',
    ),
    default: 'auto',
    description: 'Name of the token limit in chat completions; auto: the old one (max_tokens) outside of OpenAI',
  },
  prices: { schema: z.string(), default: '', description: 'Price table: JSON, or the path of a JSON file' },
  requests_per_minute: { schema: amount(0, 1e6), default: 0, description: 'Own limit per API key; 0: none' },
  timeout_seconds: { schema: amount(0.01, 86_400), default: 600, description: 'Until an answer begins' },
  idle_timeout_seconds: { schema: amount(0.01, 86_400), default: 300, description: 'Longest silence in an answer' },
  poll_seconds: { schema: amount(0.001, 60), default: 1, description: 'Between two looks at a background response' },
  max_response_mb: { schema: amount(0.1, 4_096), default: 256, description: 'Largest answer; pictures come as text' },
  idempotency_header: {
    schema: optional,
    default: '',
    description: 'Header that the server knows repeated requests by; OpenAI itself has none',
  },
  health_check_interval_seconds: { schema: amount(0, 86_400), default: 60, description: '0: no health checks' },
} as const;

type SettingName = keyof typeof SETTINGS;
type Raw = { readonly [K in SettingName]: z.output<(typeof SETTINGS)[K]['schema']> };

export interface OpenAiSettings extends Omit<Raw, 'api_key' | 'api_keys' | 'prices'> {
  keys: string[];
  prices: ReturnType<typeof readPrices> | undefined;
  /** OpenAI's own service, with all it can do. */
  official: boolean;
  /** For messages and as the instance of a job: the base URL's host. */
  host: string;
}

const variable = (name: string) => `OPENAI_${name.toUpperCase()}`;

/**
 * Configuration > environment > default.
 * @throws ConfigError naming every bad value
 */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): OpenAiSettings {
  const values: Record<string, unknown> = {};
  const problems: { name: string; problem: string; hint: string }[] = [];
  const complain = (name: string, problem: string) => {
    problems.push({ name: variable(name), problem, hint: SETTINGS[name as SettingName].description });
  };
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const parsed = setting.schema.safeParse(config[name] ?? (env[variable(name)] || undefined) ?? setting.default);
    if (parsed.success) values[name] = parsed.data;
    else complain(name, parsed.error.issues.map((issue) => issue.message).join('; '));
  }
  const { api_key, api_keys, prices, ...rest } = values as unknown as Raw;
  const url = URL.canParse(rest.base_url) ? new URL(rest.base_url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) complain('base_url', 'must be an address such as http://host:8000/v1');
  let table: OpenAiSettings['prices'];
  try {
    table = prices ? readPrices(prices) : undefined;
  } catch (error) {
    complain('prices', (error as Error).message);
  }
  if (problems.length > 0 || !url) throw new ConfigError('The OpenAI connector is not configured well', problems);
  return {
    ...rest,
    keys: [api_key, ...api_keys].filter(Boolean),
    prices: table,
    official: url.hostname === 'api.openai.com',
    host: url.host,
  };
}

/** The variables above, as the creation guide wants them declared. */
export function environmentTemplates(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SETTINGS).map(([name, setting]) => [variable(name), `\${${variable(name)}:-${setting.default}}`]),
  );
}
