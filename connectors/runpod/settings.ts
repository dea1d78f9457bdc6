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

const PREFIX = 'RUNPOD';

/** Settings of the family; the variable is RUNPOD_<KEY>, or stands with the setting. */
const SETTINGS = {
  ...HOSTED_SETTINGS,
  base_url: { schema: z.string(), default: 'https://api.runpod.ai/v2', description: 'The API of serverless endpoints' },
  endpoint_id: { schema: optional, default: '', description: 'Endpoint of jobs that name none, and of health checks' },
  models: {
    ...HOSTED_SETTINGS.models,
    variable: 'RUNPOD_ENDPOINTS',
    description: 'Endpoints that jobs may name, comma-separated; empty: any',
  },
  check_models: {
    ...HOSTED_SETTINGS.check_models,
    variable: 'RUNPOD_CHECK_ENDPOINTS',
    description: 'Look whether there is such an endpoint before a job is submitted to it',
  },
  allow_private_urls: ALLOW_PRIVATE_URLS,
  poll_seconds: { schema: amount(0.001, 60), default: 0.5, description: 'Between the first two looks at a job' },
  timeout_seconds: { ...HOSTED_SETTINGS.timeout_seconds, default: 60 },
  idle_timeout_seconds: { ...HOSTED_SETTINGS.idle_timeout_seconds, default: 60 },
} as const satisfies Record<string, Setting>;

export interface RunPodSettings extends HostedSettings {
  endpoint_id: string | undefined;
  poll_seconds: number;
  allow_private_urls: boolean;
}

/** @throws ConfigError naming every bad value */
export function readSettings(config: Partial<ConnectorConfig>, env: NodeJS.ProcessEnv): RunPodSettings {
  return readHostedSettings('The RunPod connector', PREFIX, SETTINGS, config, env);
}

export const variables = (): Record<string, string> => environmentTemplates(PREFIX, SETTINGS);
