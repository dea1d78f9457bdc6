import type { InstanceHealthStatus } from '../../../contract/machine-card.ts';
import type { InstanceSystemStats } from '../../../contract/instance.ts';
import type { InstanceTiming } from './timing.ts';

/** What is known of an instance when its health is judged. */
export interface HealthSigns {
  consecutiveFailures: number;
  lastFailure: string | undefined;
  /** Of the last answered check. Milliseconds. */
  responseTime: number;
  errorsLastMinute: number;
  systemStats: InstanceSystemStats | undefined;
  /** Why its worker thread counts as dead. */
  deadThread: string | undefined;
}

/** `unhealthy` gets no jobs and is restarted; `degraded` gets jobs when no healthy one has room. */
export function judgeHealth(
  signs: HealthSigns,
  timing: InstanceTiming,
): { status: InstanceHealthStatus; reason?: string } {
  const { consecutiveFailures, lastFailure, responseTime, errorsLastMinute, systemStats, deadThread } = signs;
  if (deadThread !== undefined) return { status: 'unhealthy', reason: deadThread };
  if (consecutiveFailures >= timing.failures)
    return { status: 'unhealthy', reason: `${consecutiveFailures} checks in a row failed: ${lastFailure}` };
  const reasons = [
    consecutiveFailures > 0 ? `the last check failed: ${lastFailure}` : undefined,
    responseTime > timing.slowMs ? `it took ${(responseTime / 1_000).toFixed(1)} s to answer` : undefined,
    errorsLastMinute > timing.errorsPerMinute ? `${errorsLastMinute} errors in the last minute` : undefined,
    overloaded(systemStats, timing.usagePercent),
  ].filter((reason) => reason !== undefined);
  return reasons.length > 0 ? { status: 'degraded', reason: reasons.join('; ') } : { status: 'healthy' };
}

/** Which resource is used above the limit, in words. */
export function overloaded(stats: InstanceSystemStats | undefined, percent: number): string | undefined {
  if (!stats) return undefined;
  const uses = [
    ['processor', stats.cpuUsage],
    ['memory', stats.memoryUsage],
    ['GPU memory', stats.gpuUsage],
  ] as const;
  const high = uses.filter(([, use]) => typeof use === 'number' && use > percent);
  return high.length > 0
    ? high.map(([name, use]) => `${name} at ${Math.round(use as number)} %`).join(', ')
    : undefined;
}
