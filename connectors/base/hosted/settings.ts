import { z } from 'zod';
import { ConfigError } from '../../../platform/config/config-error.ts';
import type { ConnectorConfig } from '../../contract/connector.ts';
import { readPrices, type TokenPrices } from './token-prices.ts';

/** One setting: its schema, default and description. */
export interface Setting {
  schema: z.ZodType;
  default: string | number;
  description: string;
  /** Default: the family's prefix and the key in capitals. */
  variable?: string;
}

export const amount = (least: number, most: number) =>
  z.coerce.number('must be a number').min(least, `must be at least ${least}`).max(most, `must be at most ${most}`);
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'must be true or false')
  .transform((value) => value === true || value === 'true');
const list = z.union([z.string().transform((value) => value.split(',')), z.array(z.string())]).transform((values) => {
  return values.map((value) => value.trim()).filter(Boolean);
});
/** A text; an empty one counts as none. */
export const optional = z.string().transform((value) => value || undefined);

/** Settings of every family of hosted models. */
export const HOSTED_SETTINGS = {
  api_key: { schema: z.string(), default: '', description: 'The API key' },
  api_keys: { schema: list, default: '', description: 'More API keys, comma-separated; used in turn' },
  if_lost: {
    schema: z.enum(['fail', 'repeat'], 'must be fail or repeat'),
    default: 'fail',
    description: 'What becomes of a request that costs money when its answer is lost',
  },
  models: { schema: list, default: '', description: 'Models that jobs may name, comma-separated; empty: any' },
  check_models: { schema: flag, default: 'true', description: 'Look whether the server has a model before asking it' },
  prices: { schema: z.string(), default: '', description: 'Price table: JSON, or the path of a JSON file' },
  requests_per_minute: { schema: amount(0, 1e6), default: 0, description: 'Own limit per API key; 0: none' },
  timeout_seconds: { schema: amount(0.01, 86_400), default: 600, description: 'Until an answer begins' },
  idle_timeout_seconds: { schema: amount(0.01, 86_400), default: 300, description: 'Longest silence in an answer' },
  max_response_mb: { schema: amount(0.1, 4_096), default: 256, description: 'Largest answer' },
  idempotency_header: {
    schema: optional,
    default: '',
    description: 'Header that the server knows repeated requests by; the vendor itself has none',
  },
  health_check_interval_seconds: { schema: amount(0, 86_400), default: 60, description: '0: no health checks' },
} as const satisfies Record<string, Setting>;

/** For families whose inputs may name addresses that the backend fetches. */
export const ALLOW_PRIVATE_URLS = {
  schema: flag,
  default: 'false',
  description: 'Let inputs name addresses inside the network',
} as const satisfies Setting;

type Values<S extends Record<string, Setting>> = { readonly [K in keyof S]: z.output<S[K]['schema']> };
type HostedValues = Values<typeof HOSTED_SETTINGS>;

/** What the commons of hosted models rest on. */
export interface HostedSettings extends Omit<HostedValues, 'api_key' | 'api_keys' | 'prices'> {
  base_url: string;
  keys: string[];
  prices: TokenPrices | undefined;
  /** For messages and as the instance of a job: the base URL's host. */
  host: string;
  /** The vendor's own service: the base URL has the host of its default. */
  official: boolean;
  /** Variables to name in messages. */
  named: { readonly api_key: string; readonly base_url: string };
}

/**
 * Configuration > environment > default.
 * @param settings with a `base_url` among them
 * @throws ConfigError naming every bad value by its variable
 */
export function readHostedSettings<S extends Record<string, Setting>>(
  title: string,
  prefix: string,
  settings: S & { base_url: Setting },
  config: Partial<ConnectorConfig>,
  env: NodeJS.ProcessEnv,
): HostedSettings & Omit<Values<S>, 'api_key' | 'api_keys' | 'prices'> {
  const values: Record<string, unknown> = {};
  const problems: { name: string; problem: string; hint: string }[] = [];
  const variable = (name: string) => variableOf(prefix, name, settings[name]);
  const complain = (name: string, problem: string) => {
    problems.push({ name: variable(name), problem, hint: settings[name]?.description ?? '' });
  };
  for (const [name, setting] of Object.entries<Setting>(settings)) {
    const raw: unknown = config[name] ?? (env[variable(name)] || undefined) ?? setting.default;
    const parsed = setting.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else complain(name, parsed.error.issues.map((issue) => issue.message).join('; '));
  }
  const { api_key, api_keys, prices, ...rest } = values as unknown as HostedValues & { base_url: string };
  const url = URL.canParse(rest.base_url) ? new URL(rest.base_url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) complain('base_url', 'must be an address such as http://host:8000/v1');
  let table: TokenPrices | undefined;
  try {
    table = prices ? readPrices(prices) : undefined;
  } catch (error) {
    complain('prices', (error as Error).message);
  }
  if (problems.length > 0 || !url) throw new ConfigError(`${title} is not configured well`, problems);
  return {
    ...(rest as Omit<Values<S>, 'api_key' | 'api_keys' | 'prices'> & typeof rest),
    keys: [api_key, ...api_keys].filter(Boolean),
    prices: table,
    host: url.host,
    official: url.hostname === new URL(String(settings.base_url.default)).hostname,
    named: { api_key: variable('api_key'), base_url: variable('base_url') },
  };
}

/** The variables, as the creation guide wants them declared. */
export function environmentTemplates(prefix: string, settings: Record<string, Setting>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => {
      const variable = variableOf(prefix, name, setting);
      return [variable, `\${${variable}:-${setting.default}}`];
    }),
  );
}

function variableOf(prefix: string, name: string, setting: Setting | undefined): string {
  return setting?.variable ?? `${prefix}_${name.toUpperCase()}`;
}
