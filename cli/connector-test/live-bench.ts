import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { ConnectorInterface, JobResult } from '../../connectors/contract/connector.ts';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { attemptContext, type ContextParts, type JobMemory } from './attempt-context.ts';
import { type ContractBench, type ContractEnd, type ContractJob, NotApplicable } from './bench.ts';

export interface LiveBenchParts extends ContextParts {
  /** Makes a connector that is ready. */
  connect(): Promise<ConnectorInterface>;
  service: string;
  payload: Record<string, unknown>;
  /** A job that takes longer is given up. Milliseconds. */
  jobTimeout: number;
}

/** How long a service may take to stop after a cancel. Milliseconds. */
const STOP_WAIT = 30_000;
const ASK_AGAIN = 500;

interface Run {
  memory: JobMemory;
  connector: ConnectorInterface;
  progress: number[];
  stop: AbortController;
  settled: Promise<ContractEnd>;
  /** Called when something was told or tracked. */
  heard: () => void;
}

/** Runs jobs straight through a connector against whatever it is configured for, as an attempt on a worker would. */
export class LiveBench implements ContractBench {
  readonly crowd = 2;
  readonly #parts: LiveBenchParts;
  readonly #runs = new Map<ContractJob, Run>();
  #connector: ConnectorInterface;
  #finished: Promise<ContractJob> | undefined;

  constructor(connector: ConnectorInterface, parts: LiveBenchParts) {
    this.#connector = connector;
    this.#parts = parts;
  }

  /** The one that takes jobs now. */
  get connector(): ConnectorInterface {
    return this.#connector;
  }

  /** Jobs that were begun. */
  get started(): number {
    return this.#runs.size;
  }

  async start(): Promise<ContractJob> {
    const memory: JobMemory = { jobId: `check-${randomUUID()}`, attempt: 1, tracked: new Set() };
    const run = this.#attempt(memory, [], this.#connector);
    const job: ContractJob = {
      progress: () => run.progress,
      atWork: () => this.#atWork(run),
      cancel: async () => run.stop.abort(new CancelledFailure('CANCELLED')),
      // A job that was handed over ends with its last attempt.
      get ended() {
        return run.settled;
      },
    };
    this.#runs.set(job, run);
    return job;
  }

  release(): void {}

  finished(): Promise<ContractJob> {
    this.#finished ??= this.start().then(async (job) => {
      await job.ended;
      return job;
    });
    return this.#finished;
  }

  async handOver(job: ContractJob): Promise<void> {
    const run = this.#runs.get(job) as Run;
    const { memory, connector } = run;
    if (memory.serviceJobId === undefined) {
      run.stop.abort(new CancelledFailure('CANCELLED'));
      await run.settled;
      throw new NotApplicable('the connector tracks no id for its jobs: another worker would submit them again');
    }
    const next = await this.#parts.connect();
    this.#connector = next;
    run.stop.abort(new CancelledFailure('WORKER_SHUTDOWN'));
    const end = await run.settled;
    await connector.cleanup();
    if ('completed' in end) throw new NotApplicable('the job ended just before it could be handed on');
    memory.attempt += 1;
    const second = this.#attempt(memory, run.progress, next);
    Object.assign(run, { connector: next, stop: second.stop, settled: second.settled });
  }

  /** Ids that were tracked; undefined where none was. */
  submissions(job: ContractJob): number | undefined {
    return (this.#runs.get(job) as Run).memory.tracked.size || undefined;
  }

  async stopped(job: ContractJob): Promise<boolean | undefined> {
    const { memory, connector } = this.#runs.get(job) as Run;
    if (!connector.getHealthCheckCapabilities().supportsJobStatusQuery || !memory.serviceJobId) return undefined;
    const until = performance.now() + STOP_WAIT;
    for (;;) {
      const { status } = await connector.queryJobStatus(memory.serviceJobId);
      if (status !== 'pending' && status !== 'running') return true;
      if (performance.now() > until) return false;
      await delay(ASK_AGAIN);
    }
  }

  async stored(ref: ArtifactRef): Promise<boolean> {
    return (await this.#parts.store.stat(ref.uri))?.sha256 === ref.sha256;
  }

  /** Cancels all that still runs, and waits until the service knows. */
  async stopAll(): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const { stop } of runs) stop.abort(new CancelledFailure('CANCELLED'));
    await Promise.all(runs.map(({ settled }) => settled));
  }

  #attempt(memory: JobMemory, progress: number[], connector: ConnectorInterface): Run {
    const { service, payload, jobTimeout } = this.#parts;
    const stop = new AbortController();
    const run: Run = { memory, connector, progress, stop, settled: never, heard: () => {} };
    const overdue = setTimeout(
      () => stop.abort(new ConnectorError('timeout', `the job did not end within ${jobTimeout / 1_000} s (--timeout)`)),
      jobTimeout,
    );
    const context = attemptContext(memory, stop.signal, this.#parts);
    const track = context.trackServiceJob;
    context.trackServiceJob = async (id, instance) => {
      await track(id, instance);
      run.heard();
    };
    const job = { id: memory.jobId, type: service, payload, priority: 3, created_at: Date.now() };
    const report = (update: { progress: number }) => {
      // As the worker does: a value below an earlier one is shown by the check, an endless one by nobody.
      progress.push(update.progress);
      run.heard();
    };
    run.settled = connector
      .processJob(job, report, context)
      .then(completedEnd, (error: unknown) => failedEnd(error, stop.signal))
      .finally(() => clearTimeout(overdue));
    return run;
  }

  /** At work: the service has given an id, or progress has been told. */
  async #atWork(run: Run): Promise<boolean> {
    const ended = run.settled.then(() => false);
    const tracks = run.connector.getHealthCheckCapabilities().supportsJobStatusQuery;
    const begun = new Promise<boolean>((resolve) => {
      run.heard = () => {
        const told = run.progress.some((value) => value > 0);
        if (run.memory.tracked.size > 0 || (!tracks && told)) resolve(true);
      };
      run.heard();
    });
    return Promise.race([begun, ended]);
  }
}

const never = new Promise<ContractEnd>(() => {});

function completedEnd({ status, result, artifacts = [], error, service_info }: JobResult): ContractEnd {
  if (status === 'failed') return { failed: { code: 'backend_error', message: error ?? 'without a reason' } };
  return { completed: { result, artifacts, serviceJobId: service_info?.service_job_id } };
}

function failedEnd(error: unknown, signal: AbortSignal): ContractEnd {
  if (error instanceof ConnectorError) {
    const { code, message, errors = [] } = error;
    const fields = errors
      .map(({ pointer, detail }) => `${pointer} ${detail}`)
      .filter((text) => !message.includes(text));
    return { failed: { code, message: [message, ...fields].join('; ') } };
  }
  if (signal.aborted && error === signal.reason) return { cancelled: true };
  return { failed: { code: 'internal', message: error instanceof Error ? error.message : String(error) } };
}
