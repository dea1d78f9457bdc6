/**
 * What a connector makes of its settings (a client, threads) and makes anew when they change. Jobs under way go on with
 * the one they have; all of them are let go of in the end.
 */
export class Renewed<T> {
  readonly #make: () => T;
  readonly #close: (value: T) => Promise<void>;
  readonly #former: T[] = [];
  #current: { value: T } | undefined;

  /** @param make called at the first use, and at the first one after each `renew()` */
  constructor(make: () => T, close: (value: T) => Promise<void>) {
    this.#make = make;
    this.#close = close;
  }

  /** @throws what `make` throws; the next use tries again */
  get current(): T {
    this.#current ??= { value: this.#make() };
    return this.#current.value;
  }

  /** Settings have changed. */
  renew(): void {
    if (this.#current) this.#former.push(this.#current.value);
    this.#current = undefined;
  }

  /** Lets go of all; using it again begins anew. */
  async close(): Promise<void> {
    this.renew();
    await Promise.all(this.#former.splice(0).map((value) => this.#close(value)));
  }
}
