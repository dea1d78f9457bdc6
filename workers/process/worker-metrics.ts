import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AttemptObserver } from '../../activities/process-job/attempt-observer.ts';
import { parseTaskQueue } from '../../contract/task-queues.ts';
import { addProcessMetrics } from '../../platform/metrics/process-metrics.ts';

/** From a reply that is there at once to a video that takes an hour. Seconds. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

/**
 * Prometheus metrics of a pool worker. A registry of its own: several workers may live in one test process.
 * @param slots present limits by task queue
 */
export function createWorkerMetrics(slots: () => ReadonlyMap<string, number> = () => new Map()): {
  registry: Registry;
  observer: AttemptObserver;
} {
  const registry = new Registry();
  addProcessMetrics(registry, 'worker');
  const jobs = jobMetrics(registry);
  const limits: Gauge = new Gauge({
    name: 'switchyard_worker_slots',
    help: 'Jobs at a time that this process takes',
    labelNames: ['pool', 'capability'],
    registers: [registry],
    collect() {
      limits.reset();
      for (const [queue, limit] of slots()) {
        const { pool, capability, needs } = parseTaskQueue(queue) ?? {};
        if (pool !== undefined && needs === undefined) limits.set({ pool, capability }, limit);
      }
    },
  });
  return {
    registry,
    observer: {
      started({ service, pool, capability, priority, waited, retry }) {
        jobs.running.inc({ pool, service });
        jobs.waits.observe({ pool, capability, priority }, waited);
        if (retry) jobs.retries.inc({ pool, service });
      },
      ended({ service, pool }, { outcome, ran, final, sinceSubmission, reattached }) {
        jobs.running.dec({ pool, service });
        jobs.attempts.observe({ pool, service, outcome: kindOf(outcome) }, ran);
        if (kindOf(outcome) === 'failed') jobs.failures.inc({ pool, service, code: outcome, final: String(final) });
        if (final) jobs.durations.observe({ pool, service, outcome: kindOf(outcome) }, sinceSubmission);
        if (reattached) jobs.reattaches.inc({ pool, service });
      },
    },
  };
}

function kindOf(outcome: string): string {
  return ['completed', 'cancelled', 'handed_over'].includes(outcome) ? outcome : 'failed';
}

function jobMetrics(registry: Registry) {
  const registers = [registry];
  return {
    running: new Gauge({
      name: 'switchyard_worker_jobs_running',
      help: 'Jobs this process runs now',
      labelNames: ['pool', 'service'],
      registers,
    }),
    waits: new Histogram({
      name: 'switchyard_job_wait_seconds',
      help: 'From when an attempt was due until it began',
      labelNames: ['pool', 'capability', 'priority'],
      buckets: BUCKETS,
      registers,
    }),
    attempts: new Histogram({
      name: 'switchyard_attempt_duration_seconds',
      help: 'Run time of an attempt, by how it ended: completed, failed, cancelled, handed_over (the worker left)',
      labelNames: ['pool', 'service', 'outcome'],
      buckets: BUCKETS,
      registers,
    }),
    durations: new Histogram({
      name: 'switchyard_job_duration_seconds',
      help: 'From submission to the end of a job whose last attempt ended here; its count is the throughput',
      labelNames: ['pool', 'service', 'outcome'],
      buckets: BUCKETS,
      registers,
    }),
    failures: new Counter({
      name: 'switchyard_attempt_failures_total',
      help: 'Failed attempts by error code; final: the job failed with it',
      labelNames: ['pool', 'service', 'code', 'final'],
      registers,
    }),
    retries: new Counter({
      name: 'switchyard_job_retries_total',
      help: 'Attempts after a failed or lost one',
      labelNames: ['pool', 'service'],
      registers,
    }),
    reattaches: new Counter({
      name: 'switchyard_job_reattaches_total',
      help: 'Attempts that went on with the job an earlier attempt had given its backend',
      labelNames: ['pool', 'service'],
      registers,
    }),
  };
}
