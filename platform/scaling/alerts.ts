import type { PoolObservation } from './pool-observation.ts';
import type { ScalingPolicy } from './policy.schema.ts';

export interface ScalingAlert {
  /** `exhaustion`: jobs wait too long and no worker may be added. `degradation`: jobs fail. `cost`: a budget ends. */
  kind: 'exhaustion' | 'degradation' | 'cost';
  severity: 'warning' | 'critical';
  message: string;
}

/** Share of a budget from which on it is told. */
const NEAR = 0.8;

/**
 * What somebody should know of a pool.
 * @param given workers it gets
 * @param asked workers its work asks for
 */
export function alertsOf(seen: PoolObservation, policy: ScalingPolicy, given: number, asked: number): ScalingAlert[] {
  const alerts: ScalingAlert[] = [];
  const target = policy.target_wait_seconds * 1_000;
  if (asked > given && given >= policy.max_workers && seen.oldest_ms > 2 * target) {
    alerts.push({
      kind: 'exhaustion',
      severity: 'critical',
      message: `the oldest job has waited ${Math.round(seen.oldest_ms / 1_000)} s and all ${policy.max_workers} workers are in use; raise max_workers or add machines`,
    });
  }
  if (seen.success_rate !== undefined && seen.success_rate < policy.min_success_rate) {
    alerts.push({
      kind: 'degradation',
      severity: 'critical',
      message: `only ${Math.round(seen.success_rate * 100)} % of the latest jobs succeeded; look at their error codes`,
    });
  }
  const day = policy.budget_per_day;
  if (day !== undefined && seen.spent_today >= day * NEAR) {
    alerts.push(cost(seen.spent_today >= day, `${seen.spent_today.toFixed(2)} of ${day} of today's budget is spent`));
  }
  const { budget_per_hour: hour, cost_per_hour: each } = policy;
  if (hour !== undefined && each !== undefined && asked > Math.floor(hour / each)) {
    alerts.push(cost(false, `the work asks for ${asked} workers, budget_per_hour pays for ${Math.floor(hour / each)}`));
  }
  return alerts;
}

function cost(spent: boolean, message: string): ScalingAlert {
  return { kind: 'cost', severity: spent ? 'critical' : 'warning', message };
}
