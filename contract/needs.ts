/**
 * What a job may need of its worker beyond the service, and the board on which such needs stand, so that workers that
 * meet one poll its queue. Wire documents: snake_case.
 */

/** The strict part of a job's requirements. Absent: not asked for. */
export interface NeedTerms {
  /** `cpu`: a machine that computes, where the pools promise none. GPUs are asked for by their number. */
  machine_type?: 'cpu';
  gpu_count?: number;
  /** Of each GPU, MiB. */
  gpu_memory_mb?: number;
  /** Class of the connector. */
  connector?: string;
  model?: string;
}

export interface Need {
  capability: string;
  /** Third part of the queue's name; the same terms give the same label. */
  label: string;
  terms: NeedTerms;
}

/** Workflow type and id of the board. There is one in a namespace. */
export const NEEDS_WORKFLOW = 'needs';
export const NEEDS_WORKFLOW_ID = 'switchyard-needs';
/** Signal with a {@link Need}. */
export const ANNOUNCE_SIGNAL = 'announce';
/** Name of the memo that holds the list, so that reading it needs no orchestrator. */
export const NEEDS_MEMO = 'needs';

/** Needs that stand on the board at most; the one that was announced longest ago goes. */
const MOST_NEEDS = 64;

/** The list with one more, the newest last. @returns undefined when it stood there already */
export function withNeed(needs: readonly Need[], need: Need): Need[] | undefined {
  if (needs.some(({ capability, label }) => capability === need.capability && label === need.label)) return undefined;
  return [...needs, need].slice(-MOST_NEEDS);
}
