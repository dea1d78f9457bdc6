import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { ScalingActivities } from '../../activities/activities.ts';
import type { ScalingReport } from '../../contract/scaling.ts';
import type { Logger } from '../../platform/logging/logger.ts';

export interface ScaleActivityOptions {
  /** Begins a term: what was known in an earlier one is old. */
  begin: () => { tick(): Promise<ScalingReport> };
  /** After each tick. @param seconds it took */
  ticked: (report: ScalingReport, seconds: number) => void;
  /** At the end of a term, however it ends. */
  ended: () => void;
  intervalMs: number;
  logger: Logger;
}

/** The activity that makes a process the active scaler for as long as it runs. */
export function createScaleActivity(options: ScaleActivityOptions): ScalingActivities['scale'] {
  const { begin, ticked, ended, intervalMs, logger } = options;
  return async function scale() {
    const context = Context.current();
    const signal = context.cancellationSignal;
    logger.info('this is the active scaler');
    const term = begin();
    try {
      while (!signal.aborted) {
        const started = performance.now();
        const report = await term.tick();
        if (signal.aborted) break;
        context.heartbeat(report);
        const took = performance.now() - started;
        ticked(report, took / 1_000);
        await sleep(Math.max(0, intervalMs - took), undefined, { signal }).catch(() => {});
      }
    } finally {
      ended();
    }
    logger.info({ why: context.cancellationDetails }, 'no longer the active scaler');
    throw signal.reason;
  };
}
