import { ApiClient } from '../api-client/client.ts';
import { findApi } from '../api-client/find-api.ts';
import { instanceApi } from '../api-client/instances.ts';
import { jobApi } from '../api-client/jobs.ts';
import { machineApi } from '../api-client/machines.ts';
import { catalogApi } from '../api-client/catalog.ts';
import { reasonText } from '../watch/watch-state.ts';
import type { Terminal } from '../terminal.ts';

export interface Suggestion {
  value: string;
  description: string;
}

/** Names that only the running system knows. */
export interface Suggestions {
  jobs: Suggestion[];
  services: Suggestion[];
  pools: Suggestion[];
  machines: Suggestion[];
  instances: Suggestion[];
}

/** Somebody waits for each key: a slow API gives no suggestions. Milliseconds. */
const PATIENCE = 1_000;
const MANY = 30;

/** Asks the API for what the line being typed may need; nothing when it cannot be reached. */
export async function fetchSuggestions(words: readonly string[], terminal: Terminal): Promise<Suggestions> {
  const none: Suggestions = { jobs: [], services: [], pools: [], machines: [], instances: [] };
  try {
    const api = new ApiClient(findApi({ env: terminal.env, cwd: terminal.cwd }));
    const timeoutMs = PATIENCE;
    const wants = (...triggers: string[]) => triggers.some((trigger) => words.includes(trigger));
    const [jobs, services, pools, machines, instances] = await Promise.all([
      !wants('instances', 'machine') &&
      wants('get', 'watch', 'cancel', 'retry', 'update', 'artifacts', 'attempts', 'logs')
        ? jobApi(api).list({ limit: MANY }, { timeoutMs })
        : undefined,
      wants('submit', 'services', '--service') ? catalogApi(api).services({ timeoutMs }) : undefined,
      wants('--pool', 'pools') ? catalogApi(api).pools({ timeoutMs }) : undefined,
      wants('machine', '--machine') ? machineApi(api).list({ timeoutMs }) : undefined,
      wants('instances') ? instanceApi(api).list({}, { timeoutMs }) : undefined,
    ]);
    return {
      jobs: (jobs?.jobs ?? []).map((job) => ({
        value: job.id,
        description: `${job.service} ${job.status}${job.status_reason ? ` (${reasonText(job.status_reason)})` : ''}`,
      })),
      services: (services?.services ?? []).map(({ name, title }) => ({ value: name, description: title })),
      pools: (pools?.pools ?? []).map(({ name, description }) => ({ value: name, description: description ?? '' })),
      machines: (machines?.machines ?? []).map(({ id, presence }) => ({ value: id, description: presence })),
      instances: (instances?.instances ?? []).map(({ id, name, machine, status }) => ({
        value: id,
        description: `${name} on ${machine}: ${status}`,
      })),
    };
  } catch {
    return none;
  }
}
