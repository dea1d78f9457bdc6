import { join } from 'node:path';

/** An unfinished job that the present workflow code cannot go on with. */
export interface BrokenJob {
  workflow_id: string;
  job_id: string;
  reason: string;
}

/** What came of replaying the unfinished jobs when an orchestrator without a build id started. */
export interface ReplayRecord {
  /** SHA-256 of the workflow bundle. */
  bundle: string;
  checked_at: string;
  /** Number of jobs that were replayed. */
  checked: number;
  broken: BrokenJob[];
}

/** Where the orchestrator keeps it, and `switchyard doctor` finds it. */
export function replayRecordFile(dataDir: string): string {
  return join(dataDir, 'run', 'replayed-jobs.json');
}
