import type { ArtifactRef } from '../../contract/artifact.ts';

/** How a job ended. */
export type ContractEnd =
  | { completed: { result?: unknown; artifacts: readonly ArtifactRef[]; serviceJobId?: string } }
  | { failed: { code: string; message: string } }
  | { cancelled: true };

/** A job that a check has started. */
export interface ContractJob {
  /** All progress told so far, 0–100. */
  progress(): readonly number[];
  /** Resolves once the backend works on it. @returns false when it ended before that was seen */
  atWork(): Promise<boolean>;
  cancel(): Promise<void>;
  /** Never rejects. */
  readonly ended: Promise<ContractEnd>;
}

/**
 * Where the checks of the contract run jobs: over the whole of Temporal against a double that does what it is told, or
 * straight through a connector against a live service. What cannot be seen or done there is `undefined`.
 */
export interface ContractBench {
  /** Jobs that the check of jobs at one time runs. */
  readonly crowd: number;
  /** The backend gets one job at a time; the others wait in the worker. Default: as many as come. */
  readonly oneAtATime?: boolean;
  /** @param hold it stays at work until `release()`, where the backend can be told so */
  start(options?: { hold?: boolean }): Promise<ContractJob>;
  release(): void;
  /** A job that has ended: one of its own for each check, or the same for all where jobs are dear. */
  finished(): Promise<ContractJob>;
  /** The worker leaves as at a deployment, and another one has taken up the job. */
  handOver(job: ContractJob): Promise<void>;
  /** How often the backend has taken the job up. */
  submissions(job: ContractJob): number | undefined;
  /** Whether the backend works on it no more; waits a while for that. */
  stopped(job: ContractJob): Promise<boolean | undefined>;
  /** Whether the store has an output just as the job says. */
  stored(ref: ArtifactRef): Promise<boolean>;
}

/** What a check has found wrong. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
  /** What to do about it. */
  readonly advice: string;

  constructor(seen: string, advice: string) {
    super(seen);
    this.advice = advice;
  }
}

/** A check that makes no sense for this service, or cannot be done here. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}
