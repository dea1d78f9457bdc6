import type { WorkerCard } from '../../contract/machine-card.ts';
import { type KeptProcess, keepRunning, type LifeEvent } from '../../platform/processes/keep-running.ts';
import type { LiveNodeProcess } from '../../platform/processes/node-process.ts';
import { identify } from '../../platform/processes/process-identity.ts';
import type { TableEntry } from '../../platform/processes/process-table.ts';
import { MARK_VARIABLE, type ProcessTree, watchTree } from '../../platform/processes/process-tree.ts';
import type { WorkerProcess } from './plan-machine-processes.ts';
import type { ServiceRecords } from './services/service-records.ts';

export interface KeptWorkerOptions {
  plan: WorkerProcess;
  records: ServiceRecords;
  /** Starts a life of it. */
  launch: (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<LiveNodeProcess>;
  /** From being asked to leave until it is killed. Milliseconds. */
  graceMs: number;
  /** Its card has changed. */
  onChange: () => void;
  /** Its restarts are spent. */
  onFailed: (why: string) => void;
  /** A line for people. */
  tell: (line: string) => void;
}

/** Restarts in a row without a minute of quiet between them. */
const MAX_RESTARTS = 10;
/** As long as timers go: a worker that drains leaves with its last job. Milliseconds. */
const NO_HURRY_MS = 2 ** 31 - 1;
/** For an answer of its health server, on this machine. Milliseconds. */
const LOOK_MS = 2_000;

interface WorkerStatus {
  workers?: { active_jobs: number }[];
  hot_models?: string[];
}

/**
 * One worker process that is kept running, unless there is a reason to hold it: then it takes no more jobs, leaves with
 * its last one, and is started again when no reason is left.
 */
export class KeptWorker {
  readonly plan: WorkerProcess;
  readonly #options: KeptWorkerOptions;
  readonly #reasons = new Set<string>();
  #kept: KeptProcess | undefined;
  #life: LiveNodeProcess | undefined;
  #tree: ProcessTree | undefined;
  #healthUrl: string | undefined;
  #leaving: Promise<void> | undefined;
  /** Whether the life that leaves may take its time. */
  #patient = false;
  #state: WorkerCard['state'] = 'stopped';
  #why: string | undefined;
  #slots: number | undefined;
  #restarts = 0;
  #usage: Pick<WorkerCard, 'memory_bytes' | 'cpu_percent'> = {};
  #activeJobs = 0;
  #hotModels: string[] = [];
  #closed = false;

  constructor(options: KeptWorkerOptions) {
    this.#options = options;
    this.plan = options.plan;
  }

  get activeJobs(): number {
    return this.#activeJobs;
  }

  /** Whether no process of it runs: held and done with its jobs, or stopped. */
  get idle(): boolean {
    return this.#kept === undefined && this.#leaving === undefined;
  }

  /** @throws Error when it cannot be brought up */
  async start(): Promise<void> {
    if (this.#reasons.size > 0 || this.#closed || this.#kept) return;
    await this.#begin().firstReady;
  }

  /** Takes no more jobs for this reason; those it has go on. */
  hold(reason: string): void {
    const before = this.#reasons.size;
    this.#reasons.add(reason);
    if (before === 0) this.#drain();
    this.#options.onChange();
  }

  /** The reason is gone. */
  release(reason: string): void {
    if (!this.#reasons.delete(reason)) return;
    if (this.#leaving === undefined) this.#goOn();
    this.#options.onChange();
  }

  /** Jobs at a time and queue, from its next life on, which begins when the jobs it has now are done. */
  setSlots(slots: number | undefined): void {
    this.#slots = slots;
    this.#drain();
    this.#options.onChange();
  }

  /** Ends it: its jobs get the usual grace time and go elsewhere after it. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#patient = false;
    const kept = this.#kept;
    this.#kept = undefined;
    // One that drains is hurried on: a signal leaves it the usual grace time.
    if (!kept && this.#leaving) this.#life?.askToStop();
    const timer = setTimeout(() => this.#life?.kill(), this.#options.graceMs);
    await Promise.all([kept?.stop(this.#options.graceMs), this.#leaving]);
    clearTimeout(timer);
    this.#become('stopped');
  }

  killNow(): void {
    this.#life?.kill();
  }

  /** Reads what it takes and does. */
  async look(table: readonly TableEntry[]): Promise<void> {
    const usage = this.#tree?.usage(table);
    this.#usage = usage
      ? {
          memory_bytes: usage.memoryBytes,
          ...(usage.cpuPercent === null ? {} : { cpu_percent: Math.round(usage.cpuPercent) }),
        }
      : {};
    const status = await this.#status();
    this.#activeJobs = (status?.workers ?? []).reduce((sum, worker) => sum + worker.active_jobs, 0);
    this.#hotModels = status?.hot_models ?? [];
  }

  card(): WorkerCard {
    const held = this.#reasons.size > 0 && !this.#closed && this.#state !== 'failed';
    const { plan } = this;
    const queues = plan.taskQueues.length;
    const reason = held ? [...this.#reasons].join('; ') : this.#why;
    return {
      name: plan.name,
      ...(this.#life ? { pid: this.#life.pid } : {}),
      state: held ? 'paused' : this.#state,
      ...(reason === undefined ? {} : { reason }),
      task_queues: plan.taskQueues,
      slots: held ? 0 : this.#slots === undefined ? plan.slots : this.#slots * queues,
      active_jobs: this.#activeJobs,
      hot_models: this.#hotModels,
      restarts: this.#restarts,
      ...this.#usage,
    };
  }

  #begin(): KeptProcess {
    this.#become('starting');
    this.#kept = keepRunning({
      launch: () => this.#launch(),
      onEvent: (event) => this.#onEvent(event),
      maxRestarts: MAX_RESTARTS,
      jitter: 0.2,
    });
    this.#kept.firstReady.catch(() => {});
    return this.#kept;
  }

  async #launch(): Promise<LiveNodeProcess> {
    const { plan, records, launch } = this.#options;
    const mark = records.newMark(plan.name);
    const slots = this.#slots === undefined ? [] : ['--max-concurrent', String(this.#slots)];
    const life = await launch([...plan.args, ...slots], { ...plan.env, [MARK_VARIABLE]: mark });
    const identity = identify(life.pid) ?? { pid: life.pid, started: '' };
    records.write({ ...identity, name: plan.name, mark });
    this.#tree = watchTree(identity, mark);
    this.#life = life;
    void life.exited.then(() => {
      if (this.#life === life) this.#life = undefined;
      this.#tree = undefined;
      records.remove(plan.name);
    });
    return {
      ...life,
      askToStop: () => (this.#patient ? life.tell({ type: 'drain' }) : life.askToStop()),
    };
  }

  #drain(): void {
    const kept = this.#kept;
    if (!kept) return;
    this.#kept = undefined;
    this.#patient = true;
    // One that is still starting knows of no jobs, and hears nothing yet.
    if (this.#state === 'starting') this.#patient = false;
    this.#leaving = kept.stop(NO_HURRY_MS).finally(() => {
      this.#leaving = undefined;
      this.#activeJobs = 0;
      this.#become('stopped');
      this.#goOn();
    });
  }

  #goOn(): void {
    if (this.#reasons.size > 0 || this.#closed || this.#kept) return;
    this.#begin();
  }

  #onEvent(event: LifeEvent): void {
    const { plan, tell, onFailed } = this.#options;
    switch (event.type) {
      case 'spawned':
        this.#become('starting', this.#why);
        break;
      case 'ready': {
        const url = event.facts['health_url'];
        this.#healthUrl = typeof url === 'string' ? url : undefined;
        this.#become('running');
        break;
      }
      case 'gone': {
        this.#healthUrl = undefined;
        this.#activeJobs = 0;
        const next =
          event.restartInMs === undefined ? 'giving up' : `starting it again in ${event.restartInMs / 1_000} s`;
        tell(`worker ${plan.name} ${event.why}; ${next}${event.lastWords.map((line) => `\n    ${line}`).join('')}`);
        if (event.restartInMs === undefined) {
          this.#become('failed', event.why);
          onFailed(event.why);
        } else {
          this.#restarts++;
          this.#become('restarting', event.why);
        }
        break;
      }
      default:
        event satisfies never;
    }
  }

  #become(state: WorkerCard['state'], why?: string): void {
    this.#state = state;
    this.#why = why;
    this.#options.onChange();
  }

  async #status(): Promise<WorkerStatus | undefined> {
    if (!this.#healthUrl || !this.#life) return undefined;
    try {
      const response = await fetch(`${this.#healthUrl}/status`, { signal: AbortSignal.timeout(LOOK_MS) });
      return (await response.json()) as WorkerStatus;
    } catch {
      return undefined;
    }
  }
}
