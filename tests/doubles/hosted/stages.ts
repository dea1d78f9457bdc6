import type { Stage } from '../../connectors/contract/double.ts';

interface Waiting {
  stage: Stage;
  marker: string;
  go: () => void;
}

/** Where jobs of a double can be made to wait, by stage, and where everything falls silent. */
export class Stages {
  readonly #held = new Set<Stage>();
  readonly #released = new Set<string>();
  #waiting: Waiting[] = [];
  #silence: { over: Promise<void>; end: () => void } | undefined;

  hold(stage: Stage): void {
    this.#held.add(stage);
  }

  heldAt(stage: Stage): string[] {
    return this.#waiting.filter((each) => each.stage === stage).map((each) => each.marker);
  }

  release(marker?: string): void {
    if (marker === undefined) this.#held.clear();
    else this.#released.add(marker);
    const go = this.#waiting.filter((each) => marker === undefined || each.marker === marker);
    this.#waiting = this.#waiting.filter((each) => !go.includes(each));
    for (const each of go) each.go();
  }

  silence(): void {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#silence ??= { over, end };
  }

  reset(): void {
    this.#silence?.end();
    this.#silence = undefined;
    this.release();
    this.#released.clear();
  }

  /** Waits while there is silence. @returns false when `gone` was aborted meanwhile */
  async heard(gone: AbortSignal): Promise<boolean> {
    if (this.#silence) await Promise.race([this.#silence.over, aborted(gone)]);
    return !gone.aborted;
  }

  /** Waits in a stage that is held. @returns false when `gone` was aborted meanwhile */
  async pass(stage: Stage, marker: string, gone: AbortSignal): Promise<boolean> {
    if (this.#held.has(stage) && !this.#released.has(marker)) {
      const released = new Promise<void>((resolve) => {
        this.#waiting.push({ stage, marker, go: resolve });
      });
      await Promise.race([released, aborted(gone)]);
      this.#waiting = this.#waiting.filter((each) => !(each.stage === stage && each.marker === marker));
    }
    return this.heard(gone);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The text by which a test of the contract knows its job. */
export function markerIn(body: unknown): string {
  return /marker-[a-z0-9-]+/.exec(JSON.stringify(body ?? ''))?.[0] ?? '';
}
