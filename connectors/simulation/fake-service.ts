import { appendFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '../../contract/errors.ts';
import type { ServiceJobStatus } from '../contract/connector.ts';

export interface FakeServiceJob {
  id: string;
  job_id: string;
  /** Epoch milliseconds. */
  started_at: number;
  /** Milliseconds. */
  duration: number;
  /** How it ends instead of completing. */
  failure?: ErrorCode;
}

const KEPT = 86_400_000;
const LOG = 'submissions.log';

/**
 * A pretended backend that outlives the worker: a job is its start, its duration and a clock. Everything lies in one
 * folder, so that any process on this machine sees the same jobs.
 */
export class FakeService {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Creates the folder and forgets jobs of more than a day ago. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const info = await stat(path).catch(() => undefined);
      if (info && Date.now() - info.mtimeMs > KEPT) await rm(path, { force: true });
    }
  }

  /** Starts a job under the caller's id. Each call counts as a submission. */
  async submit(job: FakeServiceJob): Promise<void> {
    await appendFile(join(this.#folder, LOG), `${JSON.stringify({ id: job.id, job_id: job.job_id })}\n`);
    const path = this.#path(job.id);
    await writeFile(`${path}.new`, JSON.stringify(job));
    await rename(`${path}.new`, path);
  }

  async find(id: string): Promise<FakeServiceJob | undefined> {
    try {
      return JSON.parse(await readFile(this.#path(id), 'utf8')) as FakeServiceJob;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async status(id: string): Promise<ServiceJobStatus> {
    const job = await this.find(id);
    if (!job) return { serviceJobId: id, status: 'unknown', canReconnect: false, canCancel: false };
    const done = job.duration === 0 ? 1 : Math.min(1, Math.max(0, (Date.now() - job.started_at) / job.duration));
    const progress = Math.floor(done * 100);
    if (await this.#isCancelled(id)) {
      return { serviceJobId: id, status: 'cancelled', canReconnect: false, canCancel: false, progress };
    }
    if (done < 1) return { serviceJobId: id, status: 'running', canReconnect: true, canCancel: true, progress };
    if (job.failure) {
      const errorMessage = `the simulated service failed with ${job.failure}`;
      return { serviceJobId: id, status: 'failed', canReconnect: false, canCancel: false, progress, errorMessage };
    }
    return { serviceJobId: id, status: 'completed', canReconnect: true, canCancel: false, progress };
  }

  /** A job that has ended stays as it is. */
  async cancel(id: string): Promise<void> {
    if ((await this.status(id)).canCancel) await writeFile(`${this.#path(id)}.cancelled`, '');
  }

  /** Ids under which a job was submitted, one for each submission. */
  async submissions(jobId: string): Promise<string[]> {
    const log = await readFile(join(this.#folder, LOG), 'utf8').catch(() => '');
    const entries = log
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { id: string; job_id: string });
    return entries.filter((entry) => entry.job_id === jobId).map((entry) => entry.id);
  }

  async #isCancelled(id: string): Promise<boolean> {
    return stat(`${this.#path(id)}.cancelled`).then(
      () => true,
      () => false,
    );
  }

  #path(id: string): string {
    return join(this.#folder, `${encodeURIComponent(id).replaceAll('.', '%2E')}.json`);
  }
}
