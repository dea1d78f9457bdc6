import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { AttemptObserver } from '../../activities/process-job/deps.ts';

/** Prometheus metrics of a pool worker. A registry of its own: several workers may live in one test process. */
export function createWorkerMetrics(labels: { pool: string }): { registry: Registry; observer: AttemptObserver } {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry, prefix: 'switchyard_' });
  const running = new Gauge({
    name: 'switchyard_worker_jobs_running',
    help: 'Jobs this process runs now',
    labelNames: ['service'],
    registers: [registry],
  });
  const attempts = new Counter({
    name: 'switchyard_worker_attempts_total',
    help: 'Ended attempts by outcome: completed, cancelled, handed_over or an error code',
    labelNames: ['service', 'outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'switchyard_worker_attempt_seconds',
    help: 'Run time of an attempt',
    labelNames: ['service', 'outcome'],
    buckets: [0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800],
    registers: [registry],
  });
  return {
    registry,
    observer: {
      started: ({ service }) => running.inc({ service }),
      ended: ({ service }, outcome, duration) => {
        running.dec({ service });
        attempts.inc({ service, outcome });
        seconds.observe({ service, outcome }, duration);
      },
    },
  };
}
