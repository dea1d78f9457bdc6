import { ConnectorError } from '../contract/connector-error.ts';

export interface RateLimit {
  /** Requests … */
  requests: number;
  /** … within so many milliseconds. */
  per_ms: number;
  /** How many may go at once after a quiet time. Default: `requests`. */
  burst?: number;
  /** A longer wait than this is refused with `rate_limited` instead of being waited for. Default: none is. */
  max_wait_ms?: number;
}

interface Waiter {
  cost: number;
  go: () => void;
}

interface Bucket {
  tokens: number;
  /** `performance.now()` of the last refill. */
  at: number;
  /** Nothing leaves before this moment: what a backend's Retry-After asked for. */
  heldUntil: number;
  queue: Waiter[];
  timer: NodeJS.Timeout | undefined;
}

/**
 * A token bucket per key (an API key, a model, an endpoint). Those who wait leave in the order they came. Holds for
 * this process only: several workers share a limit by taking a part of it each.
 */
export class RateLimiter {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxWaitMs: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ requests, per_ms, burst = requests, max_wait_ms = Infinity }: RateLimit) {
    this.#perMs = requests / per_ms;
    this.#burst = Math.max(burst, 1);
    this.#maxWaitMs = max_wait_ms;
  }

  /**
   * Resolves when the request may go.
   * @param cost tokens it takes, at most the burst
   * @throws the signal's reason on abort; ConnectorError `rate_limited` when the wait would be longer than `max_wait_ms`
   */
  async take(key: string, signal?: AbortSignal, cost = 1): Promise<void> {
    signal?.throwIfAborted();
    const bucket = this.#bucket(key);
    const price = Math.min(cost, this.#burst);
    const wait = this.#waitFor(bucket, price);
    if (wait <= 0 && bucket.queue.length === 0) {
      bucket.tokens -= price;
      return;
    }
    if (wait > this.#maxWaitMs) {
      throw new ConnectorError('rate_limited', `The rate limit for ${key} is used up for ${Math.round(wait)} ms`, {
        retry_after_ms: Math.round(wait),
      });
    }
    await this.#queue(bucket, price, signal);
  }

  /** Lets nothing of this key leave for a time: the backend has said when it wants to be asked again. */
  hold(key: string, ms: number): void {
    const bucket = this.#bucket(key);
    bucket.heldUntil = Math.max(bucket.heldUntil, performance.now() + ms);
    this.#arm(bucket);
  }

  #bucket(key: string): Bucket {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = { tokens: this.#burst, at: performance.now(), heldUntil: 0, queue: [], timer: undefined };
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }

  /** Until this cost can be paid after all who wait already. Milliseconds. */
  #waitFor(bucket: Bucket, cost: number): number {
    const now = performance.now();
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) * this.#perMs);
    bucket.at = now;
    const owed = bucket.queue.reduce((sum, waiter) => sum + waiter.cost, cost);
    return Math.max(bucket.heldUntil - now, (owed - bucket.tokens) / this.#perMs);
  }

  #queue(bucket: Bucket, cost: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        bucket.queue.splice(bucket.queue.indexOf(waiter), 1);
        this.#arm(bucket);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        cost,
        go: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      bucket.queue.push(waiter);
      this.#arm(bucket);
    });
  }

  #arm(bucket: Bucket): void {
    clearTimeout(bucket.timer);
    bucket.timer = undefined;
    const { queue } = bucket;
    for (let [first] = queue; first; [first] = queue) {
      const rest = queue.splice(0);
      const wait = this.#waitFor(bucket, first.cost);
      queue.push(...rest);
      if (wait > 0) {
        bucket.timer = setTimeout(() => this.#arm(bucket), Math.ceil(wait));
        return;
      }
      queue.shift();
      bucket.tokens -= first.cost;
      first.go();
    }
  }
}
