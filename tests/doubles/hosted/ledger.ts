import type { TakenJob } from '../../connectors/contract/double.ts';

/** What a double has been asked for and has done. */
export class Ledger {
  readonly taken: TakenJob[] = [];
  readonly stopped: string[] = [];
  /** `performance.now()` of each submission that arrived. */
  readonly arrivals: number[] = [];
}
