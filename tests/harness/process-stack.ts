import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Child, startChild } from '../../bench/child.ts';
import { FakeService } from '../../connectors/simulation/fake-service.ts';
import type { JobView } from '../../contract/job-view.ts';
import { startTestTemporal, type TestTemporal } from './temporal-server.ts';
import { waitUntil } from './wait-until.ts';

const dist = pathToFileURL(`${join(import.meta.dirname, '..', '..', 'dist')}/`);

/** The real processes of a small site, each of which a test may kill: Temporal on a file, API, orchestrator, workers. */
export class ProcessStack {
  readonly temporal: TestTemporal;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly children = new Set<Child>();
  api = '';

  private constructor(temporal: TestTemporal, dataDir: string, env: NodeJS.ProcessEnv) {
    this.temporal = temporal;
    this.dataDir = dataDir;
    this.env = {
      TEMPORAL_ADDRESS: temporal.address,
      SWITCHYARD_DATA_DIR: dataDir,
      SWITCHYARD_PORT: '0',
      SWITCHYARD_HEALTH_PORT: '0',
      SWITCHYARD_LOG_LEVEL: 'warn',
      SWITCHYARD_HEARTBEAT_TIMEOUT: '3s',
      SWITCHYARD_WORKER_HEARTBEAT: '1s',
      SWITCHYARD_SHUTDOWN_GRACE: '1s',
      SIMULATION_STATE_DIR: join(dataDir, 'fake-service'),
      ...env,
    };
  }

  /** Temporal only; start what the test needs. */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<ProcessStack> {
    const dataDir = await mkdtemp(join(tmpdir(), 'switchyard-e2e-'));
    return new ProcessStack(await startTestTemporal({ dbFile: join(dataDir, 'temporal.db') }), dataDir, env);
  }

  /** API and orchestrator in one process, as under `npm start`. */
  async server(): Promise<Child> {
    const child = await this.#start('workers/server-main.js', []);
    this.api = String(child.ready['url']);
    return child;
  }

  async apiOnly(env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const child = await this.#start('workers/api-main.js', [], env);
    this.api = String(child.ready['url']);
    return child;
  }

  orchestrator(args: string[] = []): Promise<Child> {
    return this.#start('workers/orchestrator-main.js', args);
  }

  worker(pool: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Child> {
    return this.#start('workers/pool-main.js', ['--pool', pool, ...args], env);
  }

  machine(args: string[], env: NodeJS.ProcessEnv = {}, through: readonly string[] = []): Promise<Child> {
    return this.#start('workers/machine-main.js', args, env, through);
  }

  async #start(
    module: string,
    args: string[],
    env: NodeJS.ProcessEnv = {},
    through: readonly string[] = [],
  ): Promise<Child> {
    const child = await startChild(new URL(module, dist), args, { ...this.env, ...env }, through);
    this.children.add(child);
    void child.exited.then(() => this.children.delete(child));
    return child;
  }

  /** Submits as a careful client does: under a key, and once more when Temporal was too slow to answer. */
  async submit(job: object, headers: Record<string, string> = {}): Promise<JobView> {
    const key = randomUUID();
    const response = await waitUntil(async () => {
      const answer = await fetch(`${this.api}/api/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
        body: JSON.stringify(job),
      });
      return answer.status !== 503 && answer;
    });
    const body = (await response.json()) as JobView & { detail?: string };
    if (!response.ok) throw new Error(`${response.status}: ${body.detail}`);
    return body;
  }

  async get(id: string): Promise<JobView> {
    const response = await fetch(`${this.api}/api/jobs/${encodeURIComponent(id)}`);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as JobView;
  }

  /** The job once it is as wanted. */
  async until(id: string, wanted: (job: JobView) => boolean): Promise<JobView> {
    let last: JobView | undefined;
    try {
      return await waitUntil(async () => {
        last = await this.get(id);
        return wanted(last) && last;
      }, 90_000);
    } catch (error) {
      throw new Error(`job ${id} did not get there; it is ${JSON.stringify(last)}`, { cause: error });
    }
  }

  async ended(id: string): Promise<JobView> {
    return this.until(id, (job) => !['queued', 'running'].includes(job.status));
  }

  /** How often a simulated backend was given this job. */
  async submissions(jobId: string): Promise<number> {
    return (await new FakeService(join(this.dataDir, 'fake-service')).submissions(jobId)).length;
  }

  cancel(id: string): Promise<Response> {
    return fetch(`${this.api}/api/jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
  }

  /** Files of a job's artifacts on disk, metadata aside. */
  async storedFiles(): Promise<string[]> {
    const entries = await readdir(join(this.dataDir, 'artifacts', 'jobs'), {
      recursive: true,
      withFileTypes: true,
    }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.json') && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.children].map((child) => child.kill()));
    await this.temporal.kill();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
