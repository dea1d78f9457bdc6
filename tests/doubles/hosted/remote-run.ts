import type { Fault } from './faults.ts';
import type { DoubleState } from './state.ts';
import type { Json } from './wire.ts';

/** A job that a double runs by itself, whatever becomes of the connections. */
export class RemoteRun {
  readonly id: string;
  readonly marker: string;
  readonly body: Json;
  readonly total: number;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' = 'pending';
  /** Steps done. */
  step = 0;
  /** Why it has failed. */
  error: unknown;
  readonly startedAt = Date.now();
  endedAt: number | undefined;
  readonly #state: DoubleState;
  readonly #fault: Fault | undefined;
  readonly #stop = new AbortController();
  #changed: () => void = () => {};
  #change: Promise<void> = Promise.resolve();

  constructor(state: DoubleState, run: { id: string; marker: string; body: Json; total: number; fault?: Fault }) {
    this.#state = state;
    this.id = run.id;
    this.marker = run.marker;
    this.body = run.body;
    this.total = run.total;
    this.#fault = run.fault;
    this.#renew();
  }

  get over(): boolean {
    return this.status !== 'pending' && this.status !== 'running';
  }

  /** Resolves at its next change. */
  get change(): Promise<void> {
    return this.#change;
  }

  async live(): Promise<void> {
    const { signal } = this.#stop;
    if (!(await this.#state.pace.before(-1, signal))) return;
    this.status = 'running';
    for (this.step = 0; this.step < this.total; this.step++) {
      this.#renew();
      if (this.#fault?.kind === 'failed' && this.step === (this.#fault.after ?? 0)) return this.fail(this.#fault.error);
      if (!(await this.#state.step(this.step, this.marker, signal))) return;
    }
    this.#end('completed');
  }

  fail(error: unknown): void {
    this.error = error;
    this.#end('failed');
  }

  /** By a request. */
  cancel(): void {
    if (this.over) return;
    this.#state.ledger.stopped.push(this.marker);
    this.#end('cancelled');
    this.#stop.abort();
  }

  #end(status: 'completed' | 'failed' | 'cancelled'): void {
    this.status = status;
    this.endedAt = Date.now();
    this.#renew();
  }

  #renew(): void {
    this.#changed();
    this.#change = new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}
