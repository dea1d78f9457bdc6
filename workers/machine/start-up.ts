/** One step of the start-up, as it is told and kept. A document. */
export interface StartUpStep {
  name: string;
  /** What came out of it, one line. */
  result: string;
  seconds: number;
}

/** A step that failed: what it was, why, and what to do. */
export class StartUpError extends Error {
  override readonly name = 'StartUpError';
  readonly step: string;
  constructor(step: string, cause: unknown, hint: string) {
    const message = cause instanceof Error ? cause.message : String(cause);
    super(`The machine could not be started: ${step} failed.\n${message}${hint ? `\n${hint}` : ''}`, { cause });
    this.step = step;
  }
}

/** The steps of a start-up, one after the other, each with its time; what they have started is undone when one fails. */
export class StartUp {
  readonly steps: StartUpStep[] = [];
  readonly #onStep: (step: StartUpStep) => void;
  readonly #undo: (() => Promise<void>)[] = [];

  constructor(onStep: (step: StartUpStep) => void) {
    this.#onStep = onStep;
  }

  /**
   * @param name e.g. `configuration loaded`
   * @param hint the way out when it fails, where the error's own text does not tell it
   * @param work resolves with its value and a line for people
   * @throws StartUpError
   */
  async step<T>(name: string, hint: string, work: () => Promise<readonly [value: T, result: string]>): Promise<T> {
    const from = performance.now();
    try {
      const [value, result] = await work();
      const step = { name, result, seconds: Math.round(performance.now() - from) / 1_000 };
      this.steps.push(step);
      this.#onStep(step);
      return value;
    } catch (error) {
      throw error instanceof StartUpError ? error : new StartUpError(name, error, hint);
    }
  }

  /** To be done when the machine leaves, or a later step fails; last noted, first done. */
  onEnd(work: () => Promise<void>): void {
    this.#undo.push(work);
  }

  /** Does all that was noted, whatever fails. */
  async end(onError: (error: unknown) => void): Promise<void> {
    for (let work = this.#undo.pop(); work; work = this.#undo.pop()) await work().catch(onError);
  }
}
