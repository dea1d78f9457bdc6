import type { WorkflowHandle } from '@temporalio/client';
import type { ContractBench, ContractEnd, ContractJob } from '../../../cli/connector-test/bench.ts';
import type { ArtifactRef } from '../../../contract/artifact.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { type ContractStack, type ContractWorker, endOf } from './contract-stack.ts';
import type { BackendDouble } from './double.ts';
import type { ContractSubject } from './subject.ts';

interface DoubleBenchParts {
  subject: ContractSubject;
  double(): BackendDouble;
  site(): ContractStack;
  worker: { get(): ContractWorker; set(next: ContractWorker): void };
  newMarker(): string;
}

interface Started {
  marker: string;
  handle: WorkflowHandle;
}

/** The shared checks over the real way of a job, with a double that holds jobs and counts what it has taken. */
export class DoubleBench implements ContractBench {
  readonly crowd = 3;
  readonly oneAtATime: boolean;
  readonly #parts: DoubleBenchParts;
  readonly #started = new Map<ContractJob, Started>();

  constructor(parts: DoubleBenchParts) {
    this.#parts = parts;
    this.oneAtATime = parts.subject.oneAtATime === true;
  }

  async start(options: { hold?: boolean } = {}): Promise<ContractJob> {
    const { subject, site, worker, newMarker } = this.#parts;
    const double = this.#parts.double();
    if (options.hold) double.hold('running');
    const marker = newMarker();
    const handle = await site().submit(subject.job(marker));
    const serving = worker.get();
    const job: ContractJob = {
      progress: () => (serving.told.get(handle.workflowId) ?? []).map((update) => update.progress),
      atWork: () => waitUntil(() => double.held('running').includes(marker), 30_000),
      cancel: async () => void (await handle.cancel()),
      ended: endOf(handle).then(contractEnd),
    };
    this.#started.set(job, { marker, handle });
    return job;
  }

  release(): void {
    this.#parts.double().release();
  }

  async finished(): Promise<ContractJob> {
    const job = await this.start();
    await job.ended;
    return job;
  }

  async handOver(job: ContractJob): Promise<void> {
    const { worker, site, double } = this.#parts;
    const { handle, marker } = this.#started.get(job)!;
    const leaving = worker.get();
    const next = await site().worker();
    worker.set(next);
    await leaving.leave();
    await waitUntil(() => next.begun.includes(handle.workflowId));
    if (double().stopped().includes(marker)) throw new Error('the double was told to stop a job that goes on');
  }

  submissions(job: ContractJob): number {
    const { marker } = this.#started.get(job)!;
    return this.#parts
      .double()
      .taken()
      .filter((each) => each.marker === marker).length;
  }

  async stopped(job: ContractJob): Promise<boolean> {
    const { marker } = this.#started.get(job)!;
    return waitUntil(() => this.#parts.double().stopped().includes(marker), 30_000);
  }

  async stored(ref: ArtifactRef): Promise<boolean> {
    const found = await this.#parts.site().stack.artifacts.stat(ref.uri);
    return JSON.stringify(found) === JSON.stringify(ref);
  }
}

function contractEnd(ended: Awaited<ReturnType<typeof endOf>>): ContractEnd {
  if (!('completed' in ended)) return ended;
  const { result, artifacts, service_job_id } = ended.completed;
  return { completed: { result, artifacts, serviceJobId: service_job_id } };
}
