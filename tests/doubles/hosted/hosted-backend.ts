import type { BackendDouble, Fault, Stage } from '../../connectors/contract/double.ts';
import type { DoubleServer } from './double-server.ts';
import type { Route, StatusFault } from './faults.ts';

/** How the double of a vendor says no. */
export interface Refusals {
  rateLimited(retryAfterSeconds: string): StatusFault;
  serverError(status: number): StatusFault;
}

/** A double of hosted models as the contract of connectors wants one. */
export class HostedBackend implements BackendDouble {
  readonly #double: DoubleServer;
  readonly #route: Route;
  readonly #refusals: Refusals;

  /** @param route where this connector's jobs go */
  constructor(double: DoubleServer, route: Route, refusals: Refusals) {
    this.#double = double;
    this.#route = route;
    this.#refusals = refusals;
    double.state.pace.delayMs = 5;
  }

  get url(): string {
    return this.#double.url;
  }

  hold(stage: Stage): void {
    this.#double.state.stages.hold(stage);
  }

  held(stage: Stage): readonly string[] {
    return this.#double.state.stages.heldAt(stage);
  }

  release(marker?: string): void {
    this.#double.state.stages.release(marker);
  }

  order(fault: Fault): void {
    const { state } = this.#double;
    switch (fault.kind) {
      case 'rate_limit':
        return state.faults.order(
          this.#route,
          this.#refusals.rateLimited(String(fault.retry_after_seconds)),
          fault.times,
        );
      case 'server_error':
        return state.faults.order(this.#route, this.#refusals.serverError(fault.status), fault.times);
      case 'silence':
        return state.stages.silence();
      case 'reset':
        return state.faults.order(this.#route, { kind: fault.taken ? 'reset' : 'cut' }, fault.times);
      case 'drop':
        state.drops = fault.times;
        return;
      case 'huge':
        state.hugeBytes = fault.bytes;
        return;
      case 'malformed':
        state.malformed = true;
        return;
    }
  }

  reset(): void {
    const { state } = this.#double;
    state.faults.clear();
    state.stages.reset();
    state.drops = 0;
    state.hugeBytes = 0;
    state.malformed = false;
  }

  taken() {
    return this.#double.state.ledger.taken;
  }

  stopped(): readonly string[] {
    return this.#double.state.ledger.stopped;
  }

  arrivals(): readonly number[] {
    return this.#double.state.ledger.arrivals;
  }

  bytesSent(): number {
    return this.#double.bytesSent;
  }

  stop(): Promise<void> {
    return this.#double.stop();
  }
}
