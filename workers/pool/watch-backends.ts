import type { LiveSource } from '../../platform/live/live-source.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { HealthGate } from './health-gate.ts';
import type { PoolSlots } from './pool-slots.ts';
import { startStatusReports, type StatusReportsOptions } from './report-status.ts';

export interface WatchBackendsOptions extends Pick<StatusReportsOptions, 'worker' | 'served' | 'missing' | 'hide'> {
  slots: Pick<PoolSlots, 'hold'>;
  live: Pick<LiveSource, 'report' | 'reportFrom'>;
  logger: Logger;
}

/** The backends behind a worker's connectors: jobs are taken while they are well, and everyone hears how they fare. */
export function watchBackends(options: WatchBackendsOptions): Pick<HealthGate, 'noteEnd' | 'closed' | 'stop'> {
  const { served, slots, live, hide, logger } = options;
  const gate = new HealthGate({
    served,
    hold(queue, why) {
      slots.hold(queue, why !== undefined);
      for (const report of told()) live.report(report);
      if (why === undefined) reports.renew();
    },
    hide,
    logger,
  });
  const reports = startStatusReports({ ...options, send: (report) => live.report(gate.amend(report)) });
  const told = () => reports.current().map((report) => gate.amend(report));
  live.reportFrom(told);
  gate.start();
  return {
    noteEnd: (queue, outcome) => gate.noteEnd(queue, outcome),
    closed: () => gate.closed(),
    stop() {
      gate.stop();
      reports.stop();
    },
  };
}
