import type { Fault, Stage, TakenJob } from '../../connectors/contract/double.ts';

/** A job at the double. */
export interface Work {
  id: string;
  marker: string;
  key: string | undefined;
  /** 0–5. */
  step: number;
  state: 'queued' | 'working' | 'done' | 'stopped';
}

export const STEPS = 5;
/** Between two steps. Milliseconds. */
const STEP = 12;

/** What a pretended service works on, and what a test has ordered of it. */
export class ServiceWork {
  readonly works = new Map<string, Work>();
  readonly arrived: number[] = [];
  readonly #byKey = new Map<string, Work>();
  readonly #held: Record<Stage, Set<string>> = {
    submitting: new Set(),
    running: new Set(),
    finishing: new Set(),
  };
  readonly #holding = new Set<Stage>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #faults: (Fault & { left: number })[] = [];

  hold(stage: Stage): void {
    this.#holding.add(stage);
  }

  held(stage: Stage): string[] {
    return [...this.#held[stage]];
  }

  release(marker?: string): void {
    if (marker === undefined) this.#holding.clear();
    const markers = marker === undefined ? [...this.#waiting.keys()] : [marker];
    for (const each of markers) {
      const waiting = this.#waiting.get(each) ?? [];
      this.#waiting.delete(each);
      for (const go of waiting) go();
    }
  }

  order(fault: Fault): void {
    this.#faults.push({ ...fault, left: 'times' in fault ? fault.times : Infinity });
  }

  reset(): void {
    this.#faults = [];
    this.release();
  }

  /** The fault of that kind, if it is ordered and not used up; counts one use. */
  fault<K extends Fault['kind']>(kind: K): Extract<Fault, { kind: K }> | undefined {
    const found = this.#faults.find((fault) => fault.kind === kind && fault.left > 0);
    if (found) found.left -= 1;
    return found as Extract<Fault, { kind: K }> | undefined;
  }

  /** {@link fault} for a reset at that moment of the submission. */
  resets(taken: boolean): boolean {
    const found = this.#faults.find((fault) => fault.kind === 'reset' && fault.taken === taken && fault.left > 0);
    if (found) found.left -= 1;
    return found !== undefined;
  }

  /** Waits while this stage is held. @param gone hung up: the wait ends */
  async pass(stage: Stage, marker: string, gone?: AbortSignal): Promise<void> {
    if (!this.#holding.has(stage) || gone?.aborted) return;
    this.#held[stage].add(marker);
    await new Promise<void>((resolve) => {
      this.#waiting.set(marker, [...(this.#waiting.get(marker) ?? []), resolve]);
      gone?.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#held[stage].delete(marker);
  }

  /** Takes a job up, or finds the one that was submitted with that key before. */
  take(marker: string, key: string | undefined): { work: Work; repeated: boolean } {
    const known = key === undefined ? undefined : this.#byKey.get(key);
    if (known) return { work: known, repeated: true };
    const work: Work = { id: `work-${this.works.size + 1}`, marker, key, step: 0, state: 'queued' };
    this.works.set(work.id, work);
    if (key !== undefined) this.#byKey.set(key, work);
    return { work, repeated: false };
  }

  /** Does the work, step by step. @param onStep told after each; @param gone ends it before its time */
  async run(work: Work, onStep: () => Promise<void> | void = () => {}, gone?: AbortSignal): Promise<void> {
    work.state = 'working';
    while (work.step < STEPS) {
      await new Promise((resolve) => setTimeout(resolve, STEP));
      if (isStopped(work)) return;
      if (gone?.aborted) {
        work.state = 'stopped';
        return;
      }
      work.step += 1;
      await onStep();
      if (work.step === 2) await this.pass('running', work.marker, gone);
    }
    if (!isStopped(work)) work.state = 'done';
  }

  stop(work: Work): void {
    if (work.state === 'done') return;
    work.state = 'stopped';
    this.release(work.marker);
  }

  taken(): TakenJob[] {
    return [...this.works.values()].map(({ id, marker }) => ({ id, marker }));
  }
}

/** Somebody else may have stopped it meanwhile, which the compiler cannot see. */
function isStopped(work: Work): boolean {
  return work.state === 'stopped';
}
