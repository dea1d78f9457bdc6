import { MODELS_IN_REPORT, type ConnectorReport } from '../../contract/connector-report.schema.ts';
import type { ConnectorHealth } from '../../connectors/contract/connector-health.ts';
import type { ConnectorInterface, ConnectorStatus, ServiceInfo } from '../../connectors/contract/connector.ts';
import { healthSource } from './health-source.ts';
import { within } from './within.ts';

/** The API forgets a report after three of these. Milliseconds. */
const EVERY_MS = 30_000;
/** How old what a service says of itself (version, models) may get. Milliseconds. */
const INFO_MS = 120_000;
/** Longest wait for it. Milliseconds. */
const INFO_TIMEOUT_MS = 15_000;
const LONGEST_REASON = 1_000;

/** The part of a report that stays the same. */
export type ReportSubject = Pick<ConnectorReport, 'connector' | 'queues'>;

export interface StatusReportsOptions {
  /** Identity of the worker. */
  worker: string;
  served: readonly (ReportSubject & {
    /** The ready connector, made when it is not there yet; rejects when it cannot start. */
    ready(): Promise<ConnectorInterface>;
  })[];
  /** What this worker cannot serve, with the variables that are missing. */
  missing: readonly (ReportSubject & { variables: readonly string[] })[];
  /** Takes what nobody may read out of a text. */
  hide(text: string): string;
  send(report: ConnectorReport): void;
  everyMs?: number;
}

export interface StatusReports {
  /** How all connectors fare now, by what is known: asks nobody. */
  current(): ConnectorReport[];
  /** A connector may be ready now that could not start before: asks it, and tells. */
  renew(): void;
  stop(): void;
}

/**
 * Tells how the connectors of a worker fare: at once when it changes, and on a schedule, with which one that could not
 * start is tried again. Jobs have no part in it: health comes from the connectors' own checks.
 */
export function startStatusReports(options: StatusReportsOptions): StatusReports {
  const { worker, send, everyMs = EVERY_MS } = options;
  const watched = options.served.map((subject) => new Watched(subject, options));
  const lacking = options.missing.map(
    ({ connector, queues, variables }): ConnectorReport => ({
      ...{ worker, connector, queues, health: 'not_set_up' },
      reason: shortened(`${variables.join(', ')} not set`),
    }),
  );
  const rounds = () => {
    for (const report of lacking) send(report);
    for (const each of watched) void each.round();
  };
  rounds();
  const timer = setInterval(rounds, everyMs).unref();
  return {
    current: () => [...lacking, ...watched.map((each) => each.report())],
    renew() {
      for (const each of watched) void each.round();
    },
    stop() {
      clearInterval(timer);
      for (const each of watched) each.stop();
    },
  };
}

/** One connector of the worker. */
class Watched {
  readonly #subject: StatusReportsOptions['served'][number];
  readonly #options: StatusReportsOptions;
  #connector: ConnectorInterface | undefined;
  /** Why it could not be made, and since when. */
  #failure: { reason: string; since: number; at: number } | undefined;
  #info: { said: ServiceInfo; at: number } | undefined;
  #inRound = false;
  #stopped = false;
  #unsubscribe: (() => void) | undefined;

  constructor(subject: StatusReportsOptions['served'][number], options: StatusReportsOptions) {
    this.#subject = subject;
    this.#options = options;
  }

  async round(): Promise<void> {
    // What is known goes out first, also while a service hangs.
    if (this.#connector || this.#failure) this.#send();
    if (this.#inRound) return;
    this.#inRound = true;
    try {
      if (await this.#renew()) this.#send();
    } finally {
      this.#inRound = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe?.();
  }

  report(): ConnectorReport {
    const { worker, hide } = this.#options;
    const { connector, queues } = this.#subject;
    const { state, reason, stateAgeMs, checkedAgeMs, latencyMs } = this.#health();
    const info = this.#info?.said;
    const models = info?.capabilities?.supported_models;
    return {
      worker,
      connector,
      connector_id: this.#connector?.connector_id,
      queues,
      health: state,
      reason: reason === undefined ? undefined : shortened(hide(reason)),
      state_age_ms: stateAgeMs,
      checked_age_ms: checkedAgeMs,
      latency_ms: latencyMs,
      service_name: info?.service_name,
      service_version: info?.service_version,
      models: models && bounded(models),
      models_total: models?.length,
      hot_models: info?.capabilities?.loaded_models && bounded(info.capabilities.loaded_models),
      details: info?.details,
    };
  }

  /** @returns whether there is something new */
  async #renew(): Promise<boolean> {
    if (!this.#connector) {
      try {
        this.#begin(await this.#subject.ready());
      } catch (error) {
        const now = performance.now();
        this.#failure = { reason: (error as Error).message, since: this.#failure?.since ?? now, at: now };
        return true;
      }
      this.#send();
    }
    return this.#ask();
  }

  #begin(connector: ConnectorInterface): void {
    this.#connector = connector;
    this.#failure = undefined;
    if (this.#stopped) return;
    this.#unsubscribe = healthSource(connector)?.onHealthChange(() => {
      // It may come back as another version, with other models.
      if (this.#info && this.#health().state === 'healthy') this.#info.at = Number.NEGATIVE_INFINITY;
      void this.round();
    });
  }

  /** Asks what the service says of itself, when that is due; a failure leaves the last answer standing, since health is told by the checks. */
  async #ask(): Promise<boolean> {
    const connector = this.#connector;
    if (!connector || this.#stopped || this.#health().state === 'unhealthy') return false;
    const age = this.#info && performance.now() - this.#info.at;
    // Without scheduled checks the operator wants the service left alone.
    const quiet = connector.getConfiguration().health_check_interval_seconds === 0;
    if (age !== undefined && (quiet || age < INFO_MS)) return false;
    const said = await within(connector.getServiceInfo(), INFO_TIMEOUT_MS).catch(() => undefined);
    if (said) this.#info = { said, at: performance.now() };
    return said !== undefined;
  }

  #health(): ConnectorHealth {
    const now = performance.now();
    if (this.#failure) {
      const { reason, since, at } = this.#failure;
      return { state: 'unhealthy', reason, stateAgeMs: Math.round(now - since), checkedAgeMs: Math.round(now - at) };
    }
    const connector = this.#connector;
    if (!connector) return { state: 'unknown', reason: 'it is starting', stateAgeMs: 0 };
    return healthSource(connector)?.getHealthReport() ?? byStatus(connector.getStatus());
  }

  #send(): void {
    if (!this.#stopped) this.#options.send(this.report());
  }
}

/** Connectors that are written without the base have only their status to tell. */
function byStatus(status: ConnectorStatus): ConnectorHealth {
  if (status === 'idle' || status === 'active') return { state: 'healthy', stateAgeMs: 0 };
  const state = status === 'starting' || status === 'connecting' ? 'unknown' : 'unhealthy';
  return { state, reason: `its connector is ${status}`, stateAgeMs: 0 };
}

function bounded(names: readonly string[]): string[] {
  return names.slice(0, MODELS_IN_REPORT).map((name) => name.slice(0, 300));
}

function shortened(text: string): string {
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON - 1)}…`;
}
