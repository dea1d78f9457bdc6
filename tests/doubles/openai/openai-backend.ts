import type { BackendDouble, Fault, Stage } from '../../connectors/contract/double.ts';
import { ANSWERS, type Route } from './faults.ts';
import { OpenAiDouble } from './openai-double.ts';

/** The double as the contract of connectors wants one. */
export class OpenAiBackend implements BackendDouble {
  readonly #double: OpenAiDouble;
  readonly #route: Route;

  private constructor(double: OpenAiDouble, route: Route) {
    this.#double = double;
    this.#route = route;
  }

  /** @param route where this connector's jobs go */
  static async start(route: Route): Promise<OpenAiBackend> {
    const double = await OpenAiDouble.start();
    double.state.pace.delayMs = 5;
    return new OpenAiBackend(double, route);
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
        return state.faults.order(this.#route, ANSWERS.rateLimited(String(fault.retry_after_seconds)), fault.times);
      case 'server_error':
        return state.faults.order(this.#route, ANSWERS.serverError(fault.status), fault.times);
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
