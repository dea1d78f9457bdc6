import type { InstanceAlert, InstanceAlertKind } from '../../../contract/instance.ts';

const KEPT = 100;

/** The alerts of one instance: each is raised once, lasts as long as its cause, and is then kept for a while. */
export class AlertBook {
  readonly #instanceId: string;
  readonly #onChange: (alert: InstanceAlert) => void;
  readonly #open = new Map<InstanceAlertKind, InstanceAlert>();
  readonly #all: InstanceAlert[];

  /** @param former of an earlier life; those that were open have ended with it */
  constructor(instanceId: string, former: readonly InstanceAlert[], onChange: (alert: InstanceAlert) => void) {
    this.#instanceId = instanceId;
    this.#onChange = onChange;
    const now = new Date().toISOString();
    this.#all = former.slice(-KEPT).map((alert) => ({ ...alert, endedAt: alert.endedAt ?? now }));
  }

  /** @param message undefined: its cause is over */
  set(kind: InstanceAlertKind, message: string | undefined): void {
    const open = this.#open.get(kind);
    const at = new Date().toISOString();
    if (message === undefined) {
      if (!open) return;
      open.endedAt = at;
      this.#open.delete(kind);
      this.#onChange(open);
      return;
    }
    if (open) {
      open.message = message;
      return;
    }
    const alert: InstanceAlert = { instanceId: this.#instanceId, kind, message, raisedAt: at };
    this.#open.set(kind, alert);
    this.#all.push(alert);
    if (this.#all.length > KEPT) this.#all.shift();
    this.#onChange(alert);
  }

  /** All causes are over: it does not run any more. */
  endAll(): void {
    for (const kind of this.#open.keys()) this.set(kind, undefined);
  }

  /** The latest ones, the oldest first. */
  list(): InstanceAlert[] {
    return this.#all.map((alert) => ({ ...alert }));
  }
}
