import type { HealthOutcome } from './health-record.ts';

/** Why a connector cannot work at present. */
export type HealthFault = 'waiting_for_service' | 'error';

export interface HealthMonitorOptions {
  check: () => Promise<boolean>;
  /** Between two checks. Milliseconds. */
  intervalMs: number;
  /** Longest wait for one check. Milliseconds. */
  timeoutMs: number;
  /** Failures in a row before the connector counts as down. */
  failureThreshold: number;
  /** Called once when it goes down, with the last check's error if it threw. */
  onDown: (fault: HealthFault, cause?: unknown) => void;
  /** Called once with the first check that succeeds after it was down. */
  onUp: () => void;
  /** Called with every check that ended. */
  onCheck?: (outcome: HealthOutcome) => void;
}

/**
 * Checks a service's health on a schedule. A check that says no means the service is away (`waiting_for_service`); one
 * that throws or hangs means that something is broken (`error`). Its timer never keeps a process alive.
 */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #down = false;
  #inRound = false;
  /** A check ran past its time and still hangs: asking again would pile up requests. */
  #hanging = false;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#round(), this.#options.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #round(): Promise<void> {
    if (this.#inRound) return;
    this.#inRound = true;
    const started = performance.now();
    const tell = (reason?: string) => {
      const state = reason === undefined ? 'healthy' : this.#down ? 'unhealthy' : 'degraded';
      this.#options.onCheck?.({ state, reason, latencyMs: Math.round(performance.now() - started) });
    };
    try {
      const healthy = await this.#ask();
      if (this.#timer === undefined) return;
      if (healthy) this.#succeeded();
      else this.#failed('waiting_for_service');
      tell(healthy ? undefined : 'the service says that it is not available');
    } catch (error) {
      if (this.#timer === undefined) return;
      this.#failed('error', error);
      tell((error as Error).message);
    } finally {
      this.#inRound = false;
    }
  }

  async #ask(): Promise<boolean> {
    if (this.#hanging) throw new Error('the last health check still hangs');
    const { check, timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#hanging = true;
        reject(new Error(`the health check did not end within ${timeoutMs} ms`));
      }, timeoutMs).unref();
    });
    const asked = check().finally(() => {
      this.#hanging = false;
      clearTimeout(timer);
    });
    return Promise.race([asked, overdue]);
  }

  #succeeded(): void {
    this.#failures = 0;
    if (!this.#down) return;
    this.#down = false;
    this.#options.onUp();
  }

  #failed(fault: HealthFault, cause?: unknown): void {
    this.#failures += 1;
    if (this.#down || this.#failures < this.#options.failureThreshold) return;
    this.#down = true;
    this.#options.onDown(fault, cause);
  }
}
