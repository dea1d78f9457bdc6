import type { MachineState } from '../../contract/machine-card.ts';

/** What a machine is doing, derived from what was asked of it and what it lacks. */
export class MachineStatus {
  #base: 'starting' | 'ready' | 'stopping' | 'failed' = 'starting';
  #why: string | undefined;
  #draining = false;
  #lacks: string | undefined;
  /** Whether all workers have finished their jobs. */
  readonly #quiet: () => boolean;
  readonly #onChange: () => void;

  constructor(quiet: () => boolean, onChange: () => void) {
    this.#quiet = quiet;
    this.#onChange = onChange;
  }

  get state(): MachineState {
    if (this.#base !== 'ready') return this.#base;
    if (this.#draining) return this.#quiet() ? 'drained' : 'draining';
    return this.#lacks === undefined ? 'ready' : 'exhausted';
  }

  get reason(): string | undefined {
    return this.#base === 'ready' ? (this.#draining ? undefined : this.#lacks) : this.#why;
  }

  become(base: 'ready' | 'stopping' | 'failed', why?: string): void {
    // What a failed machine does besides leaving does not matter.
    if (this.#base === 'failed') return;
    this.#base = base;
    this.#why = why;
    this.#onChange();
  }

  setDraining(draining: boolean): void {
    this.#draining = draining;
    this.#onChange();
  }

  /** @param what e.g. `only 80 MB of memory are left`; undefined: nothing lacks any longer */
  setLacks(what: string | undefined): void {
    if (this.#lacks === what) return;
    this.#lacks = what;
    this.#onChange();
  }
}
