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

/** Where OpenAI itself is; other servers speak the protocol too. */
const OPENAI = 'https://api.openai.com/v1';
const PREFIX = 'OPENAI';

/** Settings of the family; the variable is OPENAI_<KEY>. */
const SETTINGS = {
  ...HOSTED_SETTINGS,
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
  text_model: { schema: optional, default: '', description: 'Model of openai-text jobs that name none' },
  vision_model: { schema: optional, default: '', description: 'Model of openai-vision jobs that name none' },
  image_model: { schema: optional, default: '', description: 'Model of openai-image jobs that name none' },
  max_tokens_field: {
    schema: z.enum(
      ['auto', 'max_completion_tokens', 'max_tokens'],
      'must be auto, max_completion_tokens or max_tokens',
    ),
    default: 'auto',
    description: 'Name of the token limit in chat completions; auto: the old one (max_tokens) outside of OpenAI',
  },
  poll_seconds: { schema: amount(0.001, 60), default: 1, description: 'Between two looks at a background response' },
} as const satisfies Record<string, Setting>;

export interface OpenAiSettings extends HostedSettings {
  org_id: string | undefined;
  project_id: string | undefined;
  api: 'auto' | 'responses' | 'chat';
  background: 'auto' | 'true' | 'false';
  text_model: string | undefined;
  vision_model: string | undefined;
  image_model: string | undefined;
  max_tokens_field: 'auto' | 'max_completion_tokens' | 'max_tokens';
  poll_seconds: number;
}

/** @throws ConfigError naming every bad value */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): OpenAiSettings {
  return readHostedSettings('The OpenAI connector', PREFIX, SETTINGS, config, env);
}

export const variables = (): Record<string, string> => environmentTemplates(PREFIX, SETTINGS);
