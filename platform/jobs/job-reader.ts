import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import type { JobView } from '../../contract/job-view.ts';
import { workflowIdCandidates } from '../../contract/ids.ts';
import { buildView, type Addresses } from './build-view.ts';
import { describeJob } from './describe-job.ts';
import { readHistory, type JobHistory } from './job-history.ts';
import type { QueueLookup } from './job-state.ts';
import type { LiveJob } from './live-job.ts';

export interface JobReaderOptions {
  client: Client;
  queues: QueueLookup;
  addresses: Addresses;
  /** Longest wait for one call to Temporal, milliseconds. */
  timeoutMs: number;
}

/** A job as one look shows it. */
export interface JobReading {
  live: LiveJob;
  history: JobHistory;
  view: JobView;
}

const CACHED_RUNS = 5_000;
const CACHED_BYTES = 64 * 1_024 * 1_024;
/** A read that was under way when the look was taken may be older than the look; the next one is not. */
const MAX_READS = 3;

/**
 * Reads jobs for the API. What cannot change any more (the start, a finished run) is read once and kept; the live state
 * is read anew each time.
 */
export class JobReader {
  readonly #options: JobReaderOptions;
  readonly #histories = new LRUCache<string, JobHistory>({
    max: CACHED_RUNS,
    maxSize: CACHED_BYTES,
    sizeCalculation: (history) => history.bytes,
  });
  readonly #runs = new LRUCache<string, string>({ max: CACHED_RUNS });
  readonly #pending = new Map<string, Promise<JobHistory | undefined>>();

  constructor(options: JobReaderOptions) {
    this.#options = options;
  }

  /**
   * The job with all that is known of it: one call to Temporal when its history is known, else two side by side.
   * @returns undefined when there is no such job (any more)
   * @throws TemporalUnavailableError, TemporalBusyError
   */
  async read(jobId: string): Promise<JobReading | undefined> {
    const [live, early] = await Promise.all([this.describe(jobId), this.#likelyHistory(jobId)]);
    if (!live) return undefined;
    this.#runs.set(jobId, live.runId);
    let history = early?.runId === live.runId && covers(early, live) ? early : undefined;
    history ??= await this.history(live);
    return history && this.#reading(live, history);
  }

  /** One look at the live state. */
  describe(jobId: string): Promise<LiveJob | undefined> {
    return describeJob(this.#options.client, jobId, this.#options.timeoutMs);
  }

  /** The history that belongs to a look at the live state, from the cache when that still holds. */
  async history(live: LiveJob): Promise<JobHistory | undefined> {
    let history = this.#histories.get(live.runId);
    for (let reads = 0; reads < MAX_READS && !(history && covers(history, live)); reads++) {
      history = await this.#fetch(live.workflowId, live.runId);
      if (!history) return undefined;
    }
    return history;
  }

  /** The view of a look that was taken before. */
  async viewOf(live: LiveJob): Promise<JobView | undefined> {
    const history = await this.history(live);
    return history && this.#reading(live, history).view;
  }

  /** The view of a look and a history that need no reading. */
  viewOfHistory(live: LiveJob, history: JobHistory): JobView {
    return this.#reading(live, history).view;
  }

  #reading(live: LiveJob, history: JobHistory): JobReading {
    const { queues, addresses } = this.#options;
    return { live, history, view: buildView(live, history, queues, addresses) };
  }

  /** For an id seen before the cache answers; for a new one the history is read while `describe` is under way. */
  #likelyHistory(jobId: string): Promise<JobHistory | undefined> | JobHistory | undefined {
    const runId = this.#runs.get(jobId);
    if (runId !== undefined) return this.#histories.get(runId);
    return this.#fetch(workflowIdCandidates(jobId)[0]!, undefined);
  }

  async #fetch(workflowId: string, runId: string | undefined): Promise<JobHistory | undefined> {
    const key = `${workflowId} ${runId ?? ''}`;
    let pending = this.#pending.get(key);
    if (!pending) {
      const { client, timeoutMs } = this.#options;
      pending = readHistory(client, workflowId, runId, timeoutMs).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    const history = await pending;
    if (history) this.#histories.set(history.runId, history);
    return history;
  }
}

/** Whether a history, read some time ago, still tells all that a look at the live state needs. */
function covers(history: JobHistory, live: LiveJob): boolean {
  if (history.end) return true;
  if (live.workflow !== 'running') return false;
  if (live.activity) return history.tracks.some((track) => track.number === live.activity?.number);
  return history.events >= live.historyLength;
}
