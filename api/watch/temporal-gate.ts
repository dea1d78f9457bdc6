import type { Client } from '@temporalio/client';
import type { Logger } from '../../platform/logging/logger.ts';
import { bounded, TemporalBusyError, TemporalUnavailableError } from '../../platform/jobs/temporal-calls.ts';

const PROBE_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;

/**
 * While Temporal is away one probe asks whether it is back; a thousand watchers wait for that one instead of asking
 * each by itself.
 */
export class TemporalGate {
  readonly #client: Client;
  readonly #logger: Logger;
  #back: Promise<void> | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(client: Client, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  /** Resolves at once while Temporal answers, else when it does again (or the gate closes). */
  async ready(): Promise<void> {
    await this.#back;
  }

  /** @returns true when the error is of the kind that passes, so that `ready()` is worth waiting for */
  report(failure: unknown): boolean {
    if (failure instanceof TemporalBusyError) {
      this.#back ??= this.#pause(MAX_PAUSE_MS).finally(() => (this.#back = undefined));
      return true;
    }
    if (!(failure instanceof TemporalUnavailableError)) return false;
    this.#back ??= this.#probe().finally(() => (this.#back = undefined));
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async #probe(): Promise<void> {
    this.#logger.warn('Temporal does not answer; watchers wait until it does');
    let pause = FIRST_PAUSE_MS;
    while (!this.#closed) {
      await this.#pause(pause);
      if (this.#closed || (await this.#answers())) break;
      pause = Math.min(MAX_PAUSE_MS, pause * 2);
    }
    if (!this.#closed) this.#logger.info('Temporal answers again');
  }

  async #answers(): Promise<boolean> {
    const { namespace } = this.#client.options;
    try {
      await bounded(this.#client, PROBE_MS, () => this.#client.workflowService.describeNamespace({ namespace }));
      return true;
    } catch (error) {
      // Any answer of the server's own, a refusal too, shows that it is there.
      return !(error instanceof TemporalUnavailableError);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
