import type { GpuFacts, MachineFacts } from '../../contract/machine-facts.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { type Exhaustion, exhaustionOf } from '../../platform/machine/exhaustion.ts';

export interface ResourceWatchOptions {
  logger: Logger;
  /** Whether no job runs on this device. */
  idle: (gpu: GpuFacts) => boolean;
  /** No more jobs (`lacks` in words), or jobs again (undefined). */
  onChange: (lacks: string | undefined, found: readonly Exhaustion[]) => void;
  /** Gives free what can be; runs again every now and then as long as something lacks. */
  release: (found: readonly Exhaustion[]) => Promise<void>;
}

/** Between two tries to give something free. Milliseconds. */
const RELEASE_EVERY_MS = 30_000;

/** Stops a machine from taking jobs while it has run out of something, and lets it come back. */
export class ResourceWatch {
  readonly #options: ResourceWatchOptions;
  #found: Exhaustion[] = [];
  #releasedAt = Number.NEGATIVE_INFINITY;
  #releasing = false;

  constructor(options: ResourceWatchOptions) {
    this.#options = options;
  }

  /** To be called with each look at the machine. */
  look(facts: MachineFacts, now = performance.now()): void {
    const { idle, onChange, logger } = this.#options;
    const before = this.#found;
    this.#found = exhaustionOf(facts, before, idle);
    const message = this.#found.map((one) => one.message).join('; ') || undefined;
    const kinds = (list: readonly Exhaustion[]) => list.map(({ what, gpu }) => `${what} ${gpu}`).join();
    if (kinds(before) !== kinds(this.#found)) {
      if (message) logger.warn({ exhausted: this.#found }, `no more jobs: ${message}`);
      else logger.info('nothing lacks any longer: jobs again');
      onChange(message, this.#found);
    }
    if (this.#found.length === 0) this.#releasedAt = Number.NEGATIVE_INFINITY;
    else if (!this.#releasing && now - this.#releasedAt >= RELEASE_EVERY_MS) void this.#release(now);
  }

  async #release(now: number): Promise<void> {
    const { release, logger } = this.#options;
    this.#releasedAt = now;
    this.#releasing = true;
    await release(this.#found).catch((error: unknown) => logger.warn({ err: error }, 'not all could be given free'));
    this.#releasing = false;
  }
}
