import type { Queue } from '../documents.ts';

/** What the queue of an instance says from look to look. */
export class QueueWatch {
  #count = 0;
  #foreign = 0;
  #idleSince: number | undefined;
  #running = new Map<string, number>();

  /** Prompts that run or wait. */
  get count(): number {
    return this.#count;
  }

  get foreign(): number {
    return this.#foreign;
  }

  /** How long prompts have waited while nothing ran. Milliseconds. */
  get idleMs(): number {
    return this.#idleSince === undefined ? 0 : performance.now() - this.#idleSince;
  }

  reset(): void {
    this.#count = 0;
    this.#foreign = 0;
    this.#idleSince = undefined;
    this.#running.clear();
  }

  take({ running, pending }: Queue, isOwn: (promptId: string) => boolean): void {
    const now = performance.now();
    this.#count = running.length + pending.length;
    this.#foreign = [...running, ...pending].filter((item) => !isOwn(item[1])).length;
    this.#running = new Map(running.map((item) => [item[1], this.#running.get(item[1]) ?? now]));
    this.#idleSince = running.length === 0 && pending.length > 0 ? (this.#idleSince ?? now) : undefined;
  }

  /** A prompt that has been seen running for longer than that. */
  runningLonger(ms: number): { promptId: string; forMs: number } | undefined {
    const now = performance.now();
    for (const [promptId, since] of this.#running) if (now - since > ms) return { promptId, forMs: now - since };
    return undefined;
  }
}
