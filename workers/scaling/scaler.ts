import { hostname } from 'node:os';
import type { PoolScaling, ScalingAlert, ScalingReport } from '../../contract/scaling.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { DailySpending } from '../../platform/scaling/daily-spending.ts';
import { decideScale, type ScalingMemory } from '../../platform/scaling/decide.ts';
import { type PoolObservation, workOf } from '../../platform/scaling/pool-observation.ts';
import type { PoolLook, PoolObserver } from '../../platform/scaling/pool-observer.ts';
import type { ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import type { ScalingDriver } from './driver.ts';

export interface ScalerOptions {
  pools: ReadonlyMap<string, ScalingPolicy>;
  observer: Pick<PoolObserver, 'look'>;
  driverOf: (pool: string) => ScalingDriver;
  /** Why nothing new starts in a pool, if so. */
  holdOf: (pool: string) => string | undefined;
  spending: DailySpending;
  /** Identity of this process. */
  scaler: string;
  /** Between two ticks. Milliseconds. */
  intervalMs: number;
  logger: Logger;
}

/** What is known of a pool between two ticks. */
interface PoolState {
  memory?: ScalingMemory;
  /** Of the last look, on the monotonic clock. */
  seenAt: number;
  report?: PoolScaling;
  warned: boolean;
}

/** A gap of so many ticks is not looked back over: nobody knows what was wanted in it. */
const GAP_TICKS = 6;

/** Looks at every pool that scales, decides, orders, and tells why. One at a time per site: see contract/scaling.ts. */
export class Scaler {
  readonly #options: ScalerOptions;
  readonly #states: Map<string, PoolState>;

  constructor(options: ScalerOptions) {
    this.#options = options;
    this.#states = new Map([...options.pools.keys()].map((pool) => [pool, { seenAt: 0, warned: false }]));
  }

  /** One round over all pools. A pool that cannot be looked at stays as it is. */
  async tick(): Promise<ScalingReport> {
    const { pools, spending, scaler, logger } = this.#options;
    const reports = await Promise.all([...pools].map(([pool, policy]) => this.#tickPool(pool, policy)));
    try {
      spending.save(Date.now());
    } catch (error) {
      logger.error({ err: error }, 'what is spent today could not be written down');
    }
    return { v: 1, scaler, at: Date.now(), pools: reports };
  }

  async #tickPool(pool: string, policy: ScalingPolicy): Promise<PoolScaling> {
    const { observer, logger } = this.#options;
    const state = this.#states.get(pool)!;
    try {
      const look = await observer.look(pool, performance.now());
      if (state.warned) logger.info({ pool }, 'the pool can be looked at again');
      state.warned = false;
      return (state.report = this.#decide(pool, policy, state, look));
    } catch (error) {
      if (!state.warned)
        logger.warn({ pool, err: error }, 'the pool cannot be looked at: its workers stay as they are');
      state.warned = true;
      const reason = `cannot be looked at, stays as it is: ${(error as Error).message}`;
      return { ...(state.report ?? unseen(pool, policy)), reason };
    }
  }

  #decide(pool: string, policy: ScalingPolicy, state: PoolState, look: PoolLook): PoolScaling {
    const { driverOf, holdOf, spending, intervalMs } = this.#options;
    const driver = driverOf(pool);
    const now = Date.now();
    const own = driver.own(pool);
    const others = look.processes.filter(
      ({ host, process_id: pid, leaving }) => !leaving && !(host === hostname() && own?.pids.has(Number(pid))),
    ).length;
    const ready = others + (own?.ready ?? 0);
    const starting = (own?.starting ?? 0) + driver.awaited(pool, ready);
    const paid = own
      ? others + own.ready + own.starting + own.draining
      : Math.max(look.processes.length, ready + starting);
    const seen: PoolObservation = {
      now,
      queues: look.queues,
      ready,
      starting,
      success_rate: look.success_rate,
      spent_today: spending.add(pool, now, paid, policy.cost_per_hour ?? 0),
    };
    const held = holdOf(pool);
    if (held !== undefined) seen.held = held;
    if (performance.now() - state.seenAt > GAP_TICKS * intervalMs) state.memory = undefined;
    state.seenAt = performance.now();
    const decision = decideScale(seen, policy, state.memory);
    state.memory = decision.memory;
    const { workers: wanted, reason } = decision;
    driver.order({ pool, workers: Math.max(0, own ? wanted - others : wanted), reason });
    const report = reportOf(pool, policy, seen, decision, driver, state.report);
    this.#tell(report, state.report);
    return report;
  }

  /** A change is news, and so are alerts that come and go; the rest is for those who look closely. */
  #tell(report: PoolScaling, before: PoolScaling | undefined): void {
    const { logger } = this.#options;
    const { pool, alerts, since: _since, ...fields } = report;
    const changed = before?.wanted !== report.wanted;
    logger[changed ? 'info' : 'debug']({ pool, ...fields, before: before?.wanted }, 'scaling decision');
    const fresh = alerts.filter((alert) => !before?.alerts.some((old) => sameAlert(alert, old)));
    for (const alert of fresh) {
      logger[alert.severity === 'critical' ? 'error' : 'warn'](
        { pool, alert: alert.kind },
        `scaling alert: ${alert.message}`,
      );
    }
    for (const old of before?.alerts ?? []) {
      if (!alerts.some((alert) => alert.kind === old.kind))
        logger.info({ pool, alert: old.kind }, 'scaling alert over');
    }
  }
}

function reportOf(
  pool: string,
  policy: ScalingPolicy,
  seen: PoolObservation,
  { workers, reason, alerts }: { workers: number; reason: string; alerts: ScalingAlert[] },
  driver: ScalingDriver,
  before: PoolScaling | undefined,
): PoolScaling {
  const { backlog, running, oldestMs } = workOf(seen);
  const busiest = seen.queues.filter(({ processing_ms: ms }) => ms !== undefined);
  const processing = busiest.reduce((most, { processing_ms: ms = 0 }) => Math.max(most, ms), 0);
  const problem = driver.problem(pool);
  return {
    pool,
    driver: policy.driver,
    wanted: workers,
    ready: seen.ready,
    starting: seen.starting,
    draining: driver.own(pool)?.draining ?? 0,
    reason,
    backlog,
    running,
    oldest_ms: Math.round(oldestMs),
    ...(busiest.length > 0 ? { processing_ms: Math.round(processing) } : {}),
    ...(seen.success_rate === undefined ? {} : { success_rate: seen.success_rate }),
    ...(policy.cost_per_hour === undefined ? {} : { cost_today: seen.spent_today }),
    alerts: [
      ...alerts,
      ...(problem === undefined
        ? []
        : [{ kind: 'exhaustion', severity: 'critical', message: problem } satisfies ScalingAlert]),
    ],
    since: before?.wanted === workers ? before.since : seen.now,
  };
}

function unseen(pool: string, policy: ScalingPolicy): PoolScaling {
  const nothing = { wanted: 0, ready: 0, starting: 0, draining: 0, backlog: 0, running: 0, oldest_ms: 0 };
  return { pool, driver: policy.driver, ...nothing, reason: '', alerts: [], since: Date.now() };
}

/** Their messages carry figures that change all the time. */
function sameAlert(a: ScalingAlert, b: ScalingAlert): boolean {
  return a.kind === b.kind && a.severity === b.severity;
}
