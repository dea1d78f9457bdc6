import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';

/** Variables of the simulation, with their defaults; times in milliseconds. */
export const SIMULATION_ENV: Record<string, string> = {
  SIMULATION_DURATION: '${SIMULATION_DURATION:-1000}',
  SIMULATION_SPREAD: '${SIMULATION_SPREAD:-0}',
  SIMULATION_FAILURE_RATE: '${SIMULATION_FAILURE_RATE:-0}',
  SIMULATION_LATENCY: '${SIMULATION_LATENCY:-0}',
  SIMULATION_HEALTH_PERIOD: '${SIMULATION_HEALTH_PERIOD:-0}',
  SIMULATION_HEALTH_UP: '${SIMULATION_HEALTH_UP:-0.5}',
  SIMULATION_HEALTH_CHECK_INTERVAL_SECONDS: '${SIMULATION_HEALTH_CHECK_INTERVAL_SECONDS:-30}',
  SIMULATION_MAX_CONCURRENT: '${SIMULATION_MAX_CONCURRENT:-0}',
  SIMULATION_BUSY_CODE: '${SIMULATION_BUSY_CODE:-service_unavailable}',
  SIMULATION_BUSY_RETRY_AFTER: '${SIMULATION_BUSY_RETRY_AFTER:-500}',
  SIMULATION_MODELS: '${SIMULATION_MODELS:-simulated-small,simulated-large}',
  SIMULATION_STATE_DIR: '${SIMULATION_STATE_DIR:-}',
};

const milliseconds = z.coerce.number('must be a number of milliseconds').min(0, 'must be 0 or more milliseconds');
const share = z.coerce.number('must be a number from 0 to 1').min(0, 'must be 0–1').max(1, 'must be 0–1');

const schema = z.object({
  duration: milliseconds,
  spread: share,
  failure_rate: share,
  /** Before the first step of every job. */
  latency: milliseconds,
  /** The service is up for a share of each period and down for the rest; 0: always up. */
  health_period: milliseconds,
  health_up: share,
  health_check_interval_seconds: z.coerce.number('must be a number of seconds').min(0, 'must be 0 or more seconds'),
  /** Jobs at once that the pretended service takes; 0: any number. */
  max_concurrent: z.coerce.number('must be a number').int('must be a whole number').min(0, 'must be 0 or more'),
  busy_code: z.enum(['service_unavailable', 'rate_limited'], 'must be service_unavailable or rate_limited'),
  busy_retry_after: milliseconds,
  models: z.string().transform((value) =>
    value
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
  ),
  /** Where the pretended service keeps its jobs. */
  state_dir: z.string().transform((value) => value || join(tmpdir(), `switchyard-simulation-${userInfo().uid}`)),
});

export type SimulationSettings = z.output<typeof schema>;

/** @throws ConnectorError `validation` naming every bad value with its variable */
export function readSettings(config: ConnectorConfig): SimulationSettings {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `SIMULATION_${String(issue.path[0]).toUpperCase()} ${issue.message}`,
  );
  throw new ConnectorError('validation', `The simulation is not set up right: ${problems.join('; ')}`);
}
