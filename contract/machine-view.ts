import type { InstanceCard, MachineCard } from './machine-card.ts';

/**
 * `alive`: beats. `starting`: has announced itself and not beaten yet. `away`: fell silent, or nobody knows. `left`: said
 * that it goes.
 */
export type MachinePresence = 'alive' | 'starting' | 'away' | 'left';

/** A machine as the API shows it. Wire document. */
export interface MachineView {
  id: string;
  presence: MachinePresence;
  /** Of a machine that is not alive: what happened, in words. */
  reason?: string;
  /** Last sign of life, ISO 8601; of Temporal's clock. */
  seen_at?: string;
  /** Since when it is not there, ISO 8601. */
  away_since?: string;
  /** The newest card; of a machine that is not there, its last one, where it is known. */
  card?: MachineCard;
}

/** An instance as its machine's card tells of it, with where it is. Wire document. */
export interface InstanceView extends InstanceCard {
  machine: string;
  /** Of the machine: what is told of an instance on one that is not alive is what was known last. */
  presence: MachinePresence;
}

/** What subscribers of machines get: all of them first, then each as it changes. */
export type MachineEvent =
  | { type: 'machines'; id: string; machines: MachineView[] }
  | { type: 'machine'; id: string; machine: MachineView }
  /** Nothing is known of it any longer. */
  | { type: 'machine_gone'; id: string; machine_id: string };
