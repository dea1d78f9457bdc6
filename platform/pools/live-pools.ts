import type { Client } from '@temporalio/client';
import { UNTOUCHED, type PoolControl } from '../../contract/pool-control.ts';
import type { Pool } from '../catalog/pools.schema.ts';
import type { Logger } from '../logging/logger.ts';
import { readControl, withLimits } from './control-document.ts';
import { readQueueLimit, writeQueueLimit } from './queue-config.ts';

/**
 * Where Temporal keeps what was said about a pool: the reason beside the rate limit of a queue that nobody serves. It
 * stands in the server's database, is read and written without any of our processes, and no job ever waits for it.
 */
function controlQueueOf(pool: string): string {
  return `pool/${pool}`;
}

export interface LivePoolsOptions {
  client: Client;
  /** As `pools.json` has them. */
  pools: ReadonlyMap<string, Pool>;
  logger: Logger;
  /** Between two looks. Each is one call of about 2 ms for each pool. Default 2 s. */
  refreshMs?: number;
  /** Only these are looked after. Default: all. */
  only?: ReadonlySet<string>;
}

/** Longest wait for one look. Milliseconds. */
const TIMEOUT_MS = 5_000;

/**
 * The pools as they are now: configured, with what operators have changed while they run. Every process reads the same
 * documents in the background, so that no job waits for it.
 */
export class LivePools {
  /** Present values; the same map for good, so that a catalog made with it is always up to date. */
  readonly effective: Map<string, Pool>;
  readonly #options: Required<LivePoolsOptions>;
  readonly #controls = new Map<string, { control: PoolControl; text: string; seenAt: number }>();
  readonly #listeners: ((pool: string, control: PoolControl) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #pending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: LivePoolsOptions) {
    this.#options = { refreshMs: 2_000, only: new Set(options.pools.keys()), ...options };
    this.effective = new Map(options.pools);
  }

  /**
   * Looks now and from time to time.
   * @param ms longest wait for the first look; it goes on in the background when Temporal is away
   */
  async start(ms = 500): Promise<void> {
    if (this.#timer || this.#stopped) return;
    const tick = async () => {
      await this.refresh();
      if (this.#stopped) return;
      this.#timer = setTimeout(() => void tick(), this.#options.refreshMs);
      this.#timer.unref();
    };
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      tick(),
      new Promise<void>((resolve) => {
        late = setTimeout(resolve, ms);
      }),
    ]);
    clearTimeout(late);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Hears of each change, whoever made it, and of what holds at the first look. */
  onChange(listener: (pool: string, control: PoolControl) => void): void {
    this.#listeners.push(listener);
  }

  /** As `pools.json` has it. */
  configured(pool: string): Pool | undefined {
    return this.#options.pools.get(pool);
  }

  control(pool: string): PoolControl {
    return this.#controls.get(pool)?.control ?? UNTOUCHED;
  }

  /** Whether the pool of a queue starts nothing now. */
  holdOf(taskQueue: string): 'paused' | 'draining' | undefined {
    const { state } = this.control(taskQueue.slice(0, Math.max(0, taskQueue.indexOf('.'))));
    return state === 'active' ? undefined : state;
  }

  /** How long this process has known the present document. Milliseconds. */
  knownFor(pool: string): number {
    const known = this.#controls.get(pool);
    return known ? performance.now() - known.seenAt : 0;
  }

  /** All of them; failures are logged and leave what was known in place. */
  refresh(): Promise<void> {
    const look = (pool: string) =>
      this.read(pool).then(
        () => {},
        (error: unknown) => {
          if (!this.#stopped) this.#options.logger.debug({ err: error, pool }, 'state of the pool not available');
        },
      );
    this.#pending ??= Promise.all([...this.#options.only].map(look))
      .then(() => undefined)
      .finally(() => {
        this.#pending = undefined;
      });
    return this.#pending;
  }

  /** Asks Temporal now. @throws TemporalUnavailableError, TemporalBusyError */
  async read(pool: string): Promise<PoolControl> {
    const limit = await readQueueLimit(this.#options.client, controlQueueOf(pool), TIMEOUT_MS);
    return this.#take(pool, limit?.reason ?? '');
  }

  /** @throws TemporalUnavailableError, TemporalBusyError: nothing is known about the outcome then */
  async write(pool: string, control: PoolControl): Promise<void> {
    const reason = JSON.stringify(control);
    await writeQueueLimit(this.#options.client, controlQueueOf(pool), { perSecond: 0, reason }, TIMEOUT_MS);
    this.#take(pool, reason);
  }

  #take(pool: string, text: string): PoolControl {
    const known = this.#controls.get(pool);
    if (known?.text === text) return known.control;
    const control = readControl(text);
    this.#controls.set(pool, { control, text, seenAt: performance.now() });
    const configured = this.#options.pools.get(pool);
    if (configured) this.effective.set(pool, withLimits(configured, control.limits));
    for (const listener of this.#listeners) listener(pool, control);
    return control;
  }
}
