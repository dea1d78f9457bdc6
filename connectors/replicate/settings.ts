import { z } from 'zod';
import {
  ALLOW_PRIVATE_URLS,
  amount,
  environmentTemplates,
  HOSTED_SETTINGS,
  optional,
  readHostedSettings,
  type HostedSettings,
  type Setting,
} from '../base/hosted/settings.ts';
import type { ConnectorConfig } from '../contract/connector.ts';
import { DEADLINE_HINT, isDeadline } from './deadline.ts';

const PREFIX = 'REPLICATE';

/** Settings of the family; the variable is REPLICATE_<KEY>, but for the token. */
const SETTINGS = {
  ...HOSTED_SETTINGS,
  api_key: { ...HOSTED_SETTINGS.api_key, variable: 'REPLICATE_API_TOKEN', description: 'The API token' },
  api_keys: { ...HOSTED_SETTINGS.api_keys, variable: 'REPLICATE_API_TOKENS' },
  base_url: { schema: z.string(), default: 'https://api.replicate.com/v1', description: 'The API' },
  model: { schema: optional, default: '', description: 'Model of jobs that name neither model nor deployment' },
  cancel_after: {
    schema: optional.refine((value) => value === undefined || isDeadline(value), DEADLINE_HINT),
    default: '',
    description: 'Deadline of jobs that set none, such as 1h; empty: none',
  },
  allow_private_urls: ALLOW_PRIVATE_URLS,
  poll_seconds: { schema: amount(0.001, 60), default: 0.5, description: 'Between the first two looks at a prediction' },
  timeout_seconds: { ...HOSTED_SETTINGS.timeout_seconds, default: 60 },
  idle_timeout_seconds: { ...HOSTED_SETTINGS.idle_timeout_seconds, default: 60 },
} as const satisfies Record<string, Setting>;

export interface ReplicateSettings extends HostedSettings {
  model: string | undefined;
  cancel_after: string | undefined;
  poll_seconds: number;
  allow_private_urls: boolean;
}

/** @throws ConfigError naming every bad value */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): ReplicateSettings {
  return readHostedSettings('The Replicate connector', PREFIX, SETTINGS, config, env);
}

export const variables = (): Record<string, string> => environmentTemplates(PREFIX, SETTINGS);
