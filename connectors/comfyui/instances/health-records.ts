import { join } from 'node:path';
import type { InstanceAlert, InstanceSystemStats } from '../../../contract/instance.ts';
import type { InstanceHealthStatus } from '../../../contract/machine-card.ts';
import { readOwnJson, writePrivateJson } from './private-files.ts';
import { CONFIG_VERSION } from './versions.ts';

/** One health check. */
export interface CheckRecord {
  /** ISO 8601. */
  at: string;
  status: InstanceHealthStatus;
  /** Milliseconds; null: no answer. */
  responseTime: number | null;
  error?: string;
}

/** One look at the resources. */
export interface UsageRecord extends InstanceSystemStats {
  /** ISO 8601. */
  at: string;
}

export interface HealthHistory {
  version: string;
  instanceId: string;
  /** The last 500: four hours. */
  checks: CheckRecord[];
  /** The last 720: an hour. */
  metrics: UsageRecord[];
  /** The last 100. */
  errors: { at: string; message: string }[];
  /** The last 100. */
  alerts: InstanceAlert[];
}

const WRITE_EVERY_MS = 30_000;
const KEPT = { checks: 500, metrics: 720, errors: 100 };

/** `instance_<id>_health.json`, written by the manager that looks after the instance. */
export class HealthRecords {
  readonly path: string;
  #history: HealthHistory;
  #dirty = false;
  #written = Date.now();

  constructor(folder: string, instanceId: string) {
    this.path = join(folder, `instance_${instanceId}_health.json`);
    this.#history = { version: CONFIG_VERSION, instanceId, checks: [], metrics: [], errors: [], alerts: [] };
  }

  async load(): Promise<void> {
    const read = await readOwnJson<Partial<HealthHistory>>(this.path);
    for (const key of ['checks', 'metrics', 'errors', 'alerts'] as const)
      if (Array.isArray(read?.[key])) this.#history = { ...this.#history, [key]: read[key] };
  }

  get history(): HealthHistory {
    return this.#history;
  }

  check(record: CheckRecord): void {
    push(this.#history.checks, record, KEPT.checks);
    this.#dirty = true;
  }

  usage(record: UsageRecord): void {
    push(this.#history.metrics, record, KEPT.metrics);
    this.#dirty = true;
  }

  error(message: string): void {
    push(this.#history.errors, { at: new Date().toISOString(), message }, KEPT.errors);
    this.#dirty = true;
  }

  /** Writes what is new, at most twice a minute. @param now at once */
  async save(alerts: InstanceAlert[], now: boolean): Promise<void> {
    if (!this.#dirty || (!now && Date.now() - this.#written < WRITE_EVERY_MS)) return;
    this.#dirty = false;
    this.#written = Date.now();
    this.#history = { ...this.#history, alerts };
    await writePrivateJson(this.path, this.#history);
  }
}

function push<T>(list: T[], entry: T, most: number): void {
  list.push(entry);
  if (list.length > most) list.shift();
}
