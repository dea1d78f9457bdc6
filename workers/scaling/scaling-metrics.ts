import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PoolScaling, ScalingAlertKind, ScalingReport } from '../../contract/scaling.ts';
import { addProcessMetrics } from '../../platform/metrics/process-metrics.ts';

export interface ScalingMetrics {
  registry: Registry;
  /** @param seconds that the tick took */
  ticked(report: ScalingReport, seconds: number): void;
}

const ALERTS: readonly ScalingAlertKind[] = ['exhaustion', 'degradation', 'cost'];

/** Prometheus metrics of a scaler process. */
export function createScalingMetrics(): ScalingMetrics {
  const registry = new Registry();
  addProcessMetrics(registry, 'scaler');
  const registers = [registry];
  const workers = new Gauge({
    name: 'switchyard_scaling_workers',
    help: 'Workers of a pool: wanted, ready, starting, draining',
    labelNames: ['pool', 'state'],
    registers,
  });
  const spent = new Gauge({
    name: 'switchyard_scaling_cost_today',
    help: 'Cost of a pool since midnight UTC, in the currency of its policy',
    labelNames: ['pool'],
    registers,
  });
  const alerts = new Gauge({
    name: 'switchyard_scaling_alert',
    help: '1 while an alert of this kind stands: exhaustion, degradation, cost',
    labelNames: ['pool', 'kind'],
    registers,
  });
  const changes = new Counter({
    name: 'switchyard_scaling_changes_total',
    help: 'Decisions for another number of workers',
    labelNames: ['pool', 'direction'],
    registers,
  });
  const ticks = new Histogram({
    name: 'switchyard_scaling_tick_seconds',
    help: 'Time of one look at all pools',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
    registers,
  });
  const wanted = new Map<string, number>();

  function poolTicked(report: PoolScaling): void {
    const { pool } = report;
    for (const state of ['wanted', 'ready', 'starting', 'draining'] as const)
      workers.set({ pool, state }, report[state]);
    if (report.cost_today !== undefined) spent.set({ pool }, report.cost_today);
    for (const kind of ALERTS) alerts.set({ pool, kind }, report.alerts.some((alert) => alert.kind === kind) ? 1 : 0);
    const before = wanted.get(pool) ?? report.wanted;
    if (before !== report.wanted) changes.inc({ pool, direction: report.wanted > before ? 'up' : 'down' });
    wanted.set(pool, report.wanted);
  }

  return {
    registry,
    ticked(report, seconds) {
      ticks.observe(seconds);
      report.pools.forEach(poolTicked);
    },
  };
}
