import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { healthSource } from './health-source.ts';
import { within } from './within.ts';

/** Longest wait for a connector's first word, and for each look at its backend. Milliseconds. */
const ANSWER_MS = 10_000;
/** Between two looks at a backend that is away: doubles up to the second. Milliseconds. */
const FIRST_LOOK = 1_000;
const LONGEST_LOOK = 15_000;

/** Ends of an attempt that may mean that the backend is away. */
const SUSPICIOUS: ReadonlySet<string> = new Set<ErrorCode>(['service_unavailable', 'timeout', 'backend_error']);

export interface HealthGateOptions {
  /** The connectors of this worker and the queues that each serves. */
  served: readonly {
    connector: string;
    queues: readonly { pool: string; capability: string }[];
    /** The ready connector, made when it is not there yet; rejects when it cannot start. */
    ready(): Promise<ConnectorInterface>;
  }[];
  /** Takes no jobs from a queue for that reason; undefined: takes them again. */
  hold(taskQueue: string, reason: string | undefined): void;
  /** Takes what nobody may read out of a text. */
  hide(text: string): string;
  logger: Logger;
}

/**
 * A worker whose backend is away takes no jobs: they go to others, or wait, and lose no attempts. It closes the queues of a
 * connector that cannot start or says that it is not well, and looks again and again until it is; an attempt that ended
 * as if the backend was away makes it look at once.
 *
 * What no waiting mends (bad credentials, a bad setting) closes nothing: jobs are told of it.
 */
export class HealthGate {
  readonly #gates: Gate[];
  readonly #hide: (text: string) => string;

  constructor(options: HealthGateOptions) {
    this.#gates = options.served.map((subject) => new Gate(subject, options));
    this.#hide = options.hide;
  }

  /** Closes everything until it is known to be well. */
  start(): void {
    for (const gate of this.#gates) void gate.begin();
  }

  /** @param outcome of an attempt on that queue */
  noteEnd({ pool, capability }: { pool: string; capability: string }, outcome: string): void {
    if (!SUSPICIOUS.has(outcome)) return;
    const queue = taskQueueOf(pool, capability);
    void this.#gates.find((gate) => gate.queues.includes(queue))?.suspect();
  }

  /** Why each closed queue is closed. */
  closed(): { task_queue: string; reason: string }[] {
    return this.#gates.flatMap(({ queues, reason }) =>
      reason === undefined ? [] : queues.map((queue) => ({ task_queue: queue, reason: this.#hide(reason) })),
    );
  }

  /** A connector's report with what the gate knows earlier than its scheduled checks. */
  amend(report: ConnectorReport): ConnectorReport {
    const [first] = report.queues;
    const queue = first && taskQueueOf(first.pool, first.capability);
    const gate = this.#gates.find(({ queues }) => queue !== undefined && queues.includes(queue));
    const reason = gate?.away;
    if (reason === undefined) {
      const since = gate?.wellAt === undefined ? undefined : performance.now() - gate.wellAt;
      const stale = report.health === 'unhealthy' && since !== undefined && since < (report.checked_age_ms ?? 0);
      return stale ? { ...report, health: 'healthy', reason: undefined, state_age_ms: Math.round(since) } : report;
    }
    if (report.health === 'unhealthy') return report;
    return { ...report, health: 'unhealthy', reason: this.#hide(reason).slice(0, 1_000) };
  }

  stop(): void {
    for (const gate of this.#gates) gate.stop();
  }
}

/** The queues of one connector. */
class Gate {
  readonly queues: readonly string[];
  /** Why it is closed. */
  reason: string | undefined;
  /** When a look at the backend last found it well; the clock of `performance`. */
  wellAt: number | undefined;
  #starting = true;
  readonly #subject: HealthGateOptions['served'][number];
  readonly #options: HealthGateOptions;
  #connector: ConnectorInterface | undefined;
  #looking = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(subject: HealthGateOptions['served'][number], options: HealthGateOptions) {
    this.#subject = subject;
    this.#options = options;
    this.queues = subject.queues.map(({ pool, capability }) => taskQueueOf(pool, capability));
  }

  /** Why it is closed, unless it is only starting. */
  get away(): string | undefined {
    return this.#starting ? undefined : this.reason;
  }

  /** No job before the connector has started, or has had its time for it. */
  async begin(): Promise<void> {
    this.#close(`${this.#subject.connector} is starting`, 'debug');
    const late = setTimeout(() => this.#open(), ANSWER_MS).unref();
    const away = await this.#away();
    clearTimeout(late);
    this.#starting = false;
    if (away === undefined) this.#open();
    else this.#closeUntilWell(away);
  }

  /** Something went wrong that may have come from the backend. */
  async suspect(): Promise<void> {
    if (this.#looking || this.reason !== undefined) return;
    this.#looking = true;
    const away = await this.#away();
    this.#looking = false;
    if (away !== undefined) this.#closeUntilWell(away);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#unsubscribe?.();
  }

  /** @returns why the backend cannot do jobs now; undefined: it can, or says no in a way that jobs should be told of */
  async #away(): Promise<string | undefined> {
    try {
      if (!this.#connector) {
        this.#watch(await this.#subject.ready());
        this.wellAt = performance.now();
        return undefined;
      }
      // Without scheduled checks the operator wants the service left alone.
      if (this.#connector.getConfiguration().health_check_interval_seconds === 0) return undefined;
      if (!(await within(this.#connector.checkHealth(), ANSWER_MS))) return 'it says that it is not available';
      this.wellAt = performance.now();
      return undefined;
    } catch (error) {
      const { code, retryable }: Partial<ConnectorError> = error instanceof ConnectorError ? error : {};
      const passes = retryable ?? ERROR_CODES[code ?? 'internal'].retryable;
      return passes ? (error as Error).message : undefined;
    }
  }

  #watch(connector: ConnectorInterface): void {
    this.#connector = connector;
    const source = healthSource(connector);
    this.#unsubscribe = source?.onHealthChange(() => {
      const { state, reason = 'its health checks fail' } = source.getHealthReport();
      if (state === 'unhealthy') this.#closeUntilWell(reason);
    });
  }

  #closeUntilWell(why: string): void {
    if (this.#stopped) return;
    this.#close(why, 'warn');
    this.#lookAgain(FIRST_LOOK);
  }

  #lookAgain(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#away().then((away) => {
        if (this.#stopped) return;
        if (away === undefined) return this.#open();
        this.reason = away;
        this.#lookAgain(Math.min(pause * 2, LONGEST_LOOK));
      });
    }, pause).unref();
  }

  #close(why: string, level: 'debug' | 'warn'): void {
    const { hold, hide, logger } = this.#options;
    if (this.reason === undefined) {
      const fields = { connector: this.#subject.connector, queues: this.queues, reason: hide(why) };
      logger[level](fields, 'takes no jobs until the backend is well');
    }
    this.reason = why;
    for (const queue of this.queues) hold(queue, why);
  }

  #open(): void {
    if (this.reason === undefined || this.#stopped) return;
    this.reason = undefined;
    const { hold, logger } = this.#options;
    logger.info({ connector: this.#subject.connector, queues: this.queues }, 'takes jobs');
    for (const queue of this.queues) hold(queue, undefined);
  }
}
