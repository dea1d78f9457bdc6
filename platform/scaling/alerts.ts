import type { ScalingAlert } from '../../contract/scaling.ts';
import { type PoolObservation, workOf } from './pool-observation.ts';
import { paidByTheHour, type ScalingPolicy } from './policy.schema.ts';

/** Share of a budget from which on it is told. */
const NEAR = 0.8;

/**
 * What somebody should know of a pool.
 * @param given workers it gets
 * @param asked workers its work asks for
 */
export function alertsOf(seen: PoolObservation, policy: ScalingPolicy, given: number, asked: number): ScalingAlert[] {
  return [...exhaustion(seen, policy, given, asked), ...degradation(seen, policy), ...cost(seen, policy, asked)];
}

function exhaustion(seen: PoolObservation, policy: ScalingPolicy, given: number, asked: number): ScalingAlert[] {
  const alerts: ScalingAlert[] = [];
  const { oldestMs } = workOf(seen);
  const late = seen.held === undefined && oldestMs > 2 * policy.target_wait_seconds * 1_000;
  if (late && asked > given && given >= policy.max_workers) {
    alerts.push({
      kind: 'exhaustion',
      severity: 'critical',
      message: `the oldest job has waited ${Math.round(oldestMs / 1_000)} s and all ${policy.max_workers} workers are in use; raise max_workers or add machines`,
    });
  }
  for (const { capability, backlog } of seen.queues.filter((queue) => queue.unserved && queue.backlog > 0)) {
    alerts.push({
      kind: 'exhaustion',
      severity: 'critical',
      message: `${backlog} jobs wait for ${capability}, which none of the workers that are there takes; look at the variables it requires and at their logs`,
    });
  }
  return alerts;
}

function degradation({ success_rate: rate }: PoolObservation, policy: ScalingPolicy): ScalingAlert[] {
  if (rate === undefined || rate >= policy.min_success_rate) return [];
  const message = `only ${Math.round(rate * 100)} % of the latest attempts succeeded; look at their error codes`;
  return [{ kind: 'degradation', severity: 'critical', message }];
}

function cost({ spent_today: spent }: PoolObservation, policy: ScalingPolicy, asked: number): ScalingAlert[] {
  const alerts: ScalingAlert[] = [];
  const { budget_per_day: day, budget_per_hour: hour } = policy;
  if (day !== undefined && spent >= day * NEAR) {
    const message = `${spent.toFixed(2)} of ${day} of today's budget is spent`;
    alerts.push({ kind: 'cost', severity: spent >= day ? 'critical' : 'warning', message });
  }
  const paid = paidByTheHour(policy);
  if (asked > paid) {
    const message = `the work asks for ${asked} workers, the budget of ${hour} per hour pays for ${paid}`;
    alerts.push({ kind: 'cost', severity: 'warning', message });
  }
  return alerts;
}
