import { BrokenCircuitError, circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import { ConnectorError } from '../contract/connector-error.ts';

export interface CircuitBreakerOptions {
  /** What is guarded, for messages: a service or a base URL. */
  name: string;
  /** Failures in a row that open it. Default 5. */
  failures?: number;
  /** How long it stays open before one call may try. Milliseconds. Default 10,000. */
  open_ms?: number;
  onChange?: (state: BreakerState) => void;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface Breaker {
  readonly state: BreakerState;
  /**
   * Runs the call unless the circuit is open. Half open, one call goes through and the others are refused.
   * @throws ConnectorError `service_unavailable` with `retry_after_ms` while open; whatever the call throws
   */
  run<T>(call: () => Promise<T>): Promise<T>;
}

/** What says that the backend as a whole is down. A refusal (4xx), a rate limit or an abort does not. */
const SIGNS: ReadonlySet<string> = new Set(['service_unavailable', 'timeout', 'backend_error', 'out_of_memory']);
/** To a caller who comes while the one call tries. Milliseconds. */
const TRYING = 1_000;

/** Spares a backend that is down the calls that would fail anyway, and the callers the wait for their deadlines. */
export function createCircuitBreaker(options: CircuitBreakerOptions): Breaker {
  const { name, failures = 5, open_ms = 10_000 } = options;
  let openedAt = 0;
  const policy = circuitBreaker(
    handleWhen((error) => error instanceof ConnectorError && SIGNS.has(error.code) && error.retryable !== false),
    { halfOpenAfter: open_ms, breaker: new ConsecutiveBreaker(failures) },
  );
  policy.onBreak(() => {
    openedAt = Date.now();
  });
  policy.onStateChange((state) => options.onChange?.(stateOf(state)));

  const refuse = (retryAfterMs: number) => {
    const text = `${name} has failed ${failures} times in a row and is left alone for now`;
    return new ConnectorError('service_unavailable', text, { retry_after_ms: retryAfterMs });
  };

  return {
    get state() {
      return stateOf(policy.state);
    },
    async run(call) {
      if (policy.state === CircuitState.HalfOpen) throw refuse(TRYING);
      try {
        return await policy.execute(call);
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw refuse(Math.max(TRYING, openedAt + open_ms - Date.now()));
        throw error;
      }
    },
  };
}

function stateOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half_open' : 'open';
}
