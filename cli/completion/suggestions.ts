import { ApiClient } from '../api-client/client.ts';
import { findApi } from '../api-client/find-api.ts';
import { jobApi } from '../api-client/jobs.ts';
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
}

/** Somebody waits for each key: a slow API gives no suggestions. Milliseconds. */
const PATIENCE = 1_000;
const MANY = 30;

/** Asks the API for what the line being typed may need; nothing when it cannot be reached. */
export async function fetchSuggestions(words: readonly string[], terminal: Terminal): Promise<Suggestions> {
  const none: Suggestions = { jobs: [], services: [], pools: [] };
  try {
    const api = new ApiClient(findApi({ env: terminal.env, cwd: terminal.cwd }));
    const timeoutMs = PATIENCE;
    const wants = (...triggers: string[]) => triggers.some((trigger) => words.includes(trigger));
    const [jobs, services, pools] = await Promise.all([
      wants('get', 'watch', 'cancel', 'retry', 'update', 'artifacts', 'attempts', 'logs')
        ? jobApi(api).list({ limit: MANY }, { timeoutMs })
        : undefined,
      wants('submit', 'services', '--service') ? catalogApi(api).services({ timeoutMs }) : undefined,
      wants('--pool', 'pools') ? catalogApi(api).pools({ timeoutMs }) : undefined,
    ]);
    return {
      jobs: (jobs?.jobs ?? []).map((job) => ({
        value: job.id,
        description: `${job.service} ${job.status}${job.status_reason ? ` (${reasonText(job.status_reason)})` : ''}`,
      })),
      services: (services?.services ?? []).map(({ name, title }) => ({ value: name, description: title })),
      pools: (pools?.pools ?? []).map(({ name, description }) => ({ value: name, description: description ?? '' })),
    };
  } catch {
    return none;
  }
}
