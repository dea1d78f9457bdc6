import { Gauge, type Registry } from 'prom-client';
import type { PoolState } from '../../contract/pool-control.ts';

/** Jobs of one priority that wait for a worker. */
export interface WaitingJobs {
  pool: string;
  capability: string;
  priority: number;
  jobs: number;
  /** How long the oldest has waited. Seconds. */
  oldest: number;
}

/** The workers of one capability in one pool. */
export interface PoolSlotsView {
  pool: string;
  capability: string;
  workers: number;
  used: number;
  free: number;
}

/** What is read when somebody asks for the metrics. */
export interface PoolReading {
  /** Undefined while Temporal does not tell. */
  waiting: WaitingJobs[] | undefined;
  slots: PoolSlotsView[];
  states: { pool: string; state: PoolState }[];
}

const STATES: readonly PoolState[] = ['active', 'paused', 'draining'];

/**
 * Depth and wait of the queues, slots and states of the pools. Every API process tells the same: take the `max` of them.
 * @param read asked once for each time the metrics are
 */
export function addPoolMetrics(registry: Registry, read: () => Promise<PoolReading>): void {
  let reading: Promise<PoolReading> | undefined;
  const once = () => {
    reading ??= read().finally(() => setImmediate(() => (reading = undefined)));
    return reading;
  };
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    rows: (reading: PoolReading) => (readonly [Record<L, string | number>, number])[],
  ) => {
    const one: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const filled = rows(await once());
        one.reset();
        for (const [labels, value] of filled) one.set(labels, value);
      },
    });
  };
  const queue = ['pool', 'capability', 'priority'] as const;
  gauge('switchyard_queue_jobs', 'Jobs that wait for a worker, as Temporal counts them (approximate)', queue, (now) =>
    (now.waiting ?? []).map(({ pool, capability, priority, jobs }) => [{ pool, capability, priority }, jobs]),
  );
  gauge('switchyard_queue_oldest_job_age_seconds', 'How long the oldest of them has waited', queue, (now) =>
    (now.waiting ?? []).map(({ pool, capability, priority, oldest }) => [{ pool, capability, priority }, oldest]),
  );
  gauge('switchyard_temporal_up', 'Whether Temporal told how the queues are: 1, else 0', [], ({ waiting }) => [
    [{}, waiting ? 1 : 0],
  ]);
  gauge('switchyard_pool_workers', 'Workers that are there', ['pool', 'capability'], ({ slots }) =>
    slots.map(({ pool, capability, workers }) => [{ pool, capability }, workers]),
  );
  gauge('switchyard_pool_slots', 'Jobs at a time, by whether they are used', ['pool', 'capability', 'state'], (now) =>
    now.slots.flatMap(({ pool, capability, used, free }) => [
      [{ pool, capability, state: 'used' }, used] as const,
      [{ pool, capability, state: 'free' }, free] as const,
    ]),
  );
  gauge('switchyard_pool_state', 'The state the pool is in has 1, the others 0', ['pool', 'state'], ({ states }) =>
    states.flatMap(({ pool, state }) => STATES.map((one) => [{ pool, state: one }, one === state ? 1 : 0] as const)),
  );
}
