import { LRUCache } from 'lru-cache';
import { ConnectorError } from '../contract/connector-error.ts';
import type { HealthDocument } from './documents.ts';
import type { RunPodApi } from './runpod-api.ts';

const FRESH = 5 * 60_000;

/** Looks endpoints up, so that a wrong name is found before anything is submitted. */
export class Endpoints {
  readonly #api: RunPodApi;
  readonly #known = new LRUCache<string, true>({ max: 200, ttl: FRESH });

  constructor(api: RunPodApi) {
    this.#api = api;
  }

  /** @throws ConnectorError `not_found` when there is no such endpoint, or the key must not use it */
  async check(endpoint: string, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#api.settings.check_models || this.#known.has(endpoint)) return;
    try {
      await this.health(endpoint, signal);
      this.#known.set(endpoint, true);
    } catch (error) {
      if (error instanceof ConnectorError && error.code === 'not_found') throw this.missing(endpoint, error);
      throw error;
    }
  }

  async health(endpoint: string, signal?: AbortSignal): Promise<HealthDocument> {
    const path = `${endpoint}/health`;
    return (await this.#api.read((client) => client.send<HealthDocument>({ path }), { signal })).value ?? {};
  }

  missing(endpoint: string, cause: unknown): ConnectorError {
    const detail = `is no queue-based endpoint of ${this.#api.settings.host} that this key may use`;
    const hint = 'mend the id: it stands in the address of the endpoint in the console';
    return new ConnectorError('not_found', `"${endpoint}" ${detail}; ${hint}`, {
      cause,
      errors: [{ pointer: '/payload/endpoint', detail, hint }],
    });
  }
}

/** Why a job may be waiting, in a few words. */
export function workersIn({ workers = {}, jobs = {} }: HealthDocument): string {
  const count = (name: keyof typeof workers) => workers[name] ?? 0;
  const here = count('idle') + count('ready') + count('running');
  const parts = [
    `${here} ${here === 1 ? 'worker' : 'workers'}`,
    ...(['initializing', 'throttled', 'unhealthy'] as const).flatMap((name) =>
      count(name) > 0 ? [`${count(name)} ${name}`] : [],
    ),
  ];
  return `${jobs.inQueue ?? 0} in the queue, ${parts.join(', ')}`;
}
