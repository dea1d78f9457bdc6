import { createHash } from 'node:crypto';
import { ConnectorError } from '../../contract/connector-error.ts';

export interface ApiKey {
  readonly value: string;
  /** Fit for logs and checkpoints: tells keys apart, says nothing of them. */
  readonly label: string;
}

/** A refused key is tried last for this long: somebody may mend the account meanwhile. Milliseconds. */
const SET_ASIDE = 5 * 60_000;

/**
 * The keys of one account or several, used in turn. A key that is refused or used up is set aside, a rate-limited one
 * rests as long as it was told to.
 */
export class ApiKeys {
  readonly #keys: readonly ApiKey[];
  readonly #asideUntil = new Map<ApiKey, number>();
  readonly #restsUntil = new Map<string, number>();
  #turn = 0;

  /** Doubled and empty ones are left out. */
  constructor(values: readonly string[]) {
    const distinct = new Set(values.map((value) => value.trim()).filter(Boolean));
    this.#keys = [...distinct].map((value) => ({ value, label: labelOf(value) }));
  }

  get all(): readonly ApiKey[] {
    return this.#keys;
  }

  /**
   * Which keys to try for one request, in this order; each once.
   * @param scope what limits belong to besides the key, e.g. a model
   * @param preferred label of the key that work under way belongs to
   * @throws ConnectorError `rate_limited` with the time to wait when all of them rest
   */
  order(scope = '', preferred?: string): ApiKey[] {
    const now = performance.now();
    const resting = (key: ApiKey) => (this.#restsUntil.get(`${key.label} ${scope}`) ?? 0) - now;
    const awake = this.#keys.filter((key) => resting(key) <= 0);
    if (awake.length === 0 && this.#keys.length > 0) {
      const wait = Math.ceil(Math.min(...this.#keys.map(resting)));
      const which = this.#keys.length === 1 ? 'The API key is' : `All ${this.#keys.length} API keys are`;
      throw new ConnectorError('rate_limited', `${which} rate-limited for another ${wait} ms`, {
        retry_after_ms: wait,
      });
    }
    const start = this.#turn++ % Math.max(1, awake.length);
    const inTurn = [...awake.slice(start), ...awake.slice(0, start)];
    const aside = (key: ApiKey) => (this.#asideUntil.get(key) ?? 0) > now;
    const rank = (key: ApiKey) => (key.label === preferred ? 0 : aside(key) ? 2 : 1);
    return inTurn.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Refused, or its account is used up. */
  setAside(key: ApiKey): void {
    this.#asideUntil.set(key, performance.now() + SET_ASIDE);
  }

  /** Rate-limited for so long. Milliseconds. */
  rest(key: ApiKey, ms: number, scope = ''): void {
    this.#restsUntil.set(`${key.label} ${scope}`, performance.now() + ms);
  }

  worked(key: ApiKey): void {
    this.#asideUntil.delete(key);
  }
}

function labelOf(value: string): string {
  return `key-${createHash('sha256').update(value).digest('hex').slice(0, 8)}`;
}
