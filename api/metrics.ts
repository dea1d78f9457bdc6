import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { addPoolMetrics, type PoolReading } from '../platform/metrics/pool-metrics.ts';
import { addProcessMetrics } from '../platform/metrics/process-metrics.ts';

/** The API's own registry: several APIs in one process (tests) do not meet in a global one. */
export class ApiMetrics {
  readonly registry = new Registry();
  readonly requests = new Histogram({
    name: 'switchyard_http_request_duration_seconds',
    help: 'Time to answer, by address (a template, never a path with an id), method and status; streams excluded',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [this.registry],
  });
  readonly submitted = new Counter({
    name: 'switchyard_jobs_submitted_total',
    help: 'Jobs taken over HTTP',
    labelNames: ['service', 'pool'] as const,
    registers: [this.registry],
  });
  readonly refused = new Counter({
    name: 'switchyard_http_problems_total',
    help: 'Problem documents sent, by code',
    labelNames: ['code'] as const,
    registers: [this.registry],
  });
  readonly ended = new Counter({
    name: 'switchyard_watched_jobs_ended_total',
    help: 'Ends of jobs that a watcher or a waiter of this process saw',
    labelNames: ['service', 'status', 'code'] as const,
    registers: [this.registry],
  });
  readonly looks = new Counter({
    name: 'switchyard_watch_looks_total',
    help: 'Looks at the live state of watched jobs (one describe call each)',
    registers: [this.registry],
  });
  readonly connections = new Gauge({
    name: 'switchyard_stream_connections',
    help: 'Open connections that get events',
    labelNames: ['kind'] as const,
    registers: [this.registry],
  });

  /**
   * @param watchedJobs read when the metrics are
   * @param pools likewise
   */
  constructor(watchedJobs: () => number, pools: () => Promise<PoolReading>) {
    this.connections.set({ kind: 'sse' }, 0);
    this.connections.set({ kind: 'websocket' }, 0);
    const watched: Gauge = new Gauge({
      name: 'switchyard_watched_jobs',
      help: 'Jobs somebody watches through this process',
      registers: [this.registry],
      collect: () => watched.set(watchedJobs()),
    });
    addPoolMetrics(this.registry, pools);
    addProcessMetrics(this.registry, 'api');
  }
}
