import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { type Child, startChild } from '../../../bench/child.ts';
import { setConnectorLogger } from '../../../connectors/index.ts';
import type { ConnectorInterface, ProgressUpdate } from '../../../connectors/contract/connector.ts';
import type { JobError } from '../../../contract/errors.ts';
import { jobWorkflowId } from '../../../contract/ids.ts';
import { jobErrorOf } from '../../../contract/job-error-details.ts';
import type { JobOutcome, PreparedJob } from '../../../contract/plan.ts';
import type { ServiceManifest } from '../../../contract/service-manifest.ts';
import { JOBS_TASK_QUEUE } from '../../../contract/task-queues.ts';
import { createLogger } from '../../../platform/logging/create-logger.ts';
import { planJob } from '../../../platform/routing/plan-job.ts';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { WorkerGroup } from '../../../workers/process/worker-group.ts';
import { catalogOf, InProcessStack } from '../../harness/in-process-stack.ts';
import type { ContractSubject } from './subject.ts';

/** The workers' cap on one output. */
export const MAX_OUTPUT_BYTES = 1_000_000;
/** `crash` is served by a worker of its own process, to be killed. */
const POOLS = { first: {}, crash: {} };
const QUICK = { retry_initial_interval_seconds: 0.05, retry_attempts: 3, max_concurrent_jobs: 10 };
const dist = pathToFileURL(`${join(import.meta.dirname, '..', '..', '..', 'dist')}/`);

/** What the stack needs of a connector under test. */
export type StackSubject = Pick<
  ContractSubject,
  'connectorClass' | 'className' | 'manifest' | 'env' | 'requiredEnv' | 'configFiles'
>;

export type Ended = { completed: JobOutcome } | { failed: JobError } | { cancelled: true };

/** One worker of a pool, with a connector of its own, as a process has it. */
export interface ContractWorker {
  readonly connector: ConnectorInterface;
  /** What its connector said, by workflow id. */
  readonly told: Map<string, ProgressUpdate[]>;
  /** Workflow ids of the attempts that have begun on it. */
  readonly begun: string[];
  /** It leaves as on SIGTERM, without grace: jobs are interrupted and go elsewhere. */
  leave(): Promise<void>;
}

/** The real way of a job around a connector: planning, Temporal, workflow, activity, store. */
export class ContractStack {
  readonly stack: InProcessStack;
  readonly manifest: ServiceManifest;
  readonly #subject: StackSubject;
  readonly #configDir: string;
  readonly #env: Record<string, string>;
  readonly #workers = new Map<ContractWorker, WorkerGroup>();
  readonly #children: Child[] = [];
  /** Every line that workers in this process have logged. */
  readonly log: string[] = [];
  readonly #logger = createLogger({
    level: 'debug',
    name: 'worker',
    destination: { write: (line: string) => void this.log.push(line) },
  });
  #counter = 0;

  private constructor(
    stack: InProcessStack,
    manifest: ServiceManifest,
    subject: StackSubject,
    configDir: string,
    env: Record<string, string>,
  ) {
    this.stack = stack;
    this.manifest = manifest;
    this.#subject = subject;
    this.#configDir = configDir;
    this.#env = env;
  }

  /** Sets the subject's variables in this process; `stop()` takes them back. */
  static async start(subject: StackSubject, url: string): Promise<ContractStack> {
    const configDir = await mkdtemp(join(tmpdir(), 'switchyard-contract-'));
    const env = { SWITCHYARD_CONFIG_DIR: configDir, ...(await subject.env(url)) };
    const pools = Object.fromEntries(Object.keys(POOLS).map((name) => [name, QUICK]));
    for (const [name, text] of Object.entries(subject.configFiles ?? {})) await write(join(configDir, name), text);
    Object.assign(process.env, env);
    const manifest = await subject.manifest();
    await write(join(configDir, 'pools.json'), JSON.stringify({ pools }));
    await write(join(configDir, 'service-mapping.json'), JSON.stringify(mappingOf(subject, manifest)));
    const stack = await InProcessStack.start({
      catalog: catalogOf(subject.className, manifest, pools),
      pools: [],
      env: { ...env, SWITCHYARD_HEARTBEAT_TIMEOUT: '3s', SWITCHYARD_SHUTDOWN_GRACE: '0s' },
    });
    return new ContractStack(stack, manifest, subject, configDir, env);
  }

  async worker(pool: keyof typeof POOLS = 'first'): Promise<ContractWorker> {
    setConnectorLogger(this.#logger);
    const ConnectorClass = await this.#subject.connectorClass();
    const connector = new ConnectorClass();
    await connector.initialize();
    const told = new Map<string, ProgressUpdate[]>();
    const begun: string[] = [];
    const group = await this.stack.startPool(pool, {
      connector: async () => listening(connector, told, begun),
      maxOutputBytes: MAX_OUTPUT_BYTES,
      logger: this.#logger,
      ownConnection: true,
    });
    const worker: ContractWorker = {
      connector,
      told,
      begun,
      leave: async () => {
        group.shutdown();
        await group.done.catch(() => {});
        await connector.cleanup();
        this.#workers.delete(worker);
      },
    };
    this.#workers.set(worker, group);
    return worker;
  }

  /** A worker as an operator starts it, in a process of its own; for kill -9. */
  async workerProcess(pool: keyof typeof POOLS): Promise<Child> {
    const child = await startChild(new URL('workers/pool-main.js', dist), ['--pool', pool], {
      ...this.#env,
      TEMPORAL_ADDRESS: this.stack.temporal.address,
      SWITCHYARD_DATA_DIR: this.stack.dataDir,
      SWITCHYARD_HEALTH_PORT: '0',
      SWITCHYARD_LOG_LEVEL: 'warn',
    });
    this.#children.push(child);
    return child;
  }

  /** Validates, routes and starts a job as the API does. */
  async submit(payload: Record<string, unknown>, job: object = {}): Promise<WorkflowHandle> {
    const document = { service: this.manifest.service, payload, ...job };
    const planned = planJob(document, this.stack.catalog, this.stack.planning, Date.now());
    return this.stack.client.workflow.start('job', {
      taskQueue: JOBS_TASK_QUEUE,
      workflowId: `job/contract-${++this.#counter}`,
      args: [planned.job, { plan: planned.plan } satisfies PreparedJob],
      requestEagerStart: true,
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers.keys()].map((worker) => worker.leave()));
    await Promise.all(this.#children.map((child) => child.kill()));
    await this.stack.stop();
    await rm(this.#configDir, { recursive: true, force: true });
    for (const name of Object.keys(this.#env)) delete process.env[name];
  }
}

export async function endOf(handle: WorkflowHandle): Promise<Ended> {
  try {
    return { completed: (await handle.result()) as JobOutcome };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { cancelled: true };
    if (cause instanceof ApplicationFailure) {
      return { failed: jobErrorOf(cause.type, cause.message, cause.details?.[0]) };
    }
    throw error;
  }
}

/** The connector, with an ear at what it tells. */
function listening(
  connector: ConnectorInterface,
  told: Map<string, ProgressUpdate[]>,
  begun: string[],
): ConnectorInterface {
  return new Proxy(connector, {
    get(target, property) {
      if (property === 'processJob') {
        return ((job, report, context) => {
          const workflowId = jobWorkflowId(job.id);
          begun.push(workflowId);
          const updates = told.get(workflowId) ?? [];
          told.set(workflowId, updates);
          const listen = (update: ProgressUpdate) => {
            updates.push(update);
            return report?.(update);
          };
          return target.processJob(job, listen, context);
        }) satisfies ConnectorInterface['processJob'];
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function mappingOf(subject: StackSubject, manifest: ServiceManifest): object {
  const service = [{ capability: manifest.service, connector: subject.className, type: 'internal' }];
  return {
    connectors: { [subject.className]: {} },
    workers: { [manifest.service]: { service, pools: Object.keys(POOLS), required_env: subject.requiredEnv } },
  };
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
