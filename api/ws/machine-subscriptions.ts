import type { MachineCache } from '../../platform/machines/machine-cache.ts';
import { type MachineSink, streamMachines } from '../watch/machine-stream.ts';

/** All machines, or the id of one. */
type Wanted = true | string;

/** What one connection has subscribed to of machines. Subscribing again begins anew with a snapshot. */
export class MachineSubscriptions {
  readonly #machines: MachineCache;
  readonly #sink: MachineSink;
  readonly #ends = new Map<Wanted, () => void>();

  constructor(machines: MachineCache, sink: MachineSink) {
    this.#machines = machines;
    this.#sink = sink;
  }

  subscribe(wanted: Wanted): void {
    this.unsubscribe(wanted);
    // Who gets all of them needs none a second time.
    if (wanted === true) this.end();
    else if (this.#ends.has(true)) return;
    this.#ends.set(wanted, streamMachines(this.#machines, this.#sink, wanted === true ? undefined : wanted));
  }

  unsubscribe(wanted: Wanted): void {
    this.#ends.get(wanted)?.();
    this.#ends.delete(wanted);
  }

  end(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }
}
