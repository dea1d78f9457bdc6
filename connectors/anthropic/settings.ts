import { z } from 'zod';
import {
  amount,
  environmentTemplates,
  HOSTED_SETTINGS,
  optional,
  readHostedSettings,
  type HostedSettings,
  type Setting,
} from '../base/hosted/settings.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

const PREFIX = 'ANTHROPIC';

/** Settings of the family; the variable is ANTHROPIC_<KEY>. */
const SETTINGS = {
  ...HOSTED_SETTINGS,
  base_url: {
    schema: z.string(),
    default: 'https://api.anthropic.com',
    description: 'Anthropic, or a server that speaks its protocol; without /v1',
  },
  model: { schema: optional, default: '', description: 'Model of jobs that name none' },
  max_tokens: {
    schema: amount(1, 10_000_000).int('must be a whole number'),
    default: 4_096,
    description: 'Longest answer of jobs that set no limit; the API wants one',
  },
} as const satisfies Record<string, Setting>;

export interface AnthropicSettings extends HostedSettings {
  model: string | undefined;
  max_tokens: number;
}

/** @throws ConfigError naming every bad value */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): AnthropicSettings {
  return readHostedSettings('The Anthropic connector', PREFIX, SETTINGS, config, env);
}

export const variables = (): Record<string, string> => environmentTemplates(PREFIX, SETTINGS);
