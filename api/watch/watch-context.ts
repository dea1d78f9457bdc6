import type { Client } from '@temporalio/client';
import type { JobView } from '../../contract/job-view.ts';
import type { JobReader } from '../../platform/jobs/job-reader.ts';
import type { QueueLookup } from '../../platform/jobs/job-state.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { TemporalGate } from './temporal-gate.ts';

/** What watched jobs share. */
export interface WatchContext {
  client: Client;
  reader: JobReader;
  queues: QueueLookup;
  gate: TemporalGate;
  logger: Logger;
  /** Runs a look at Temporal, not too many at a time. */
  look<T>(call: () => Promise<T>): Promise<T>;
  /** Pause between two looks at one job, milliseconds: longer when many jobs are watched. */
  interval(): number;
  /** Long polls on the end of jobs: Temporal takes a limited number of them. */
  endPolls: Slots;
  /** The job has ended, or is gone (no view): its watch is of no more use. */
  closed(watched: object, view: JobView | undefined): void;
}

/** A counter with a limit. */
export class Slots {
  #free: number;
  constructor(limit: number) {
    this.#free = limit;
  }
  take(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }
  give(): void {
    this.#free += 1;
  }
}
