import { availableParallelism } from 'node:os';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { InstanceHealth, InstanceSystemStats } from '../../../contract/instance.ts';
import type { InstanceStatus } from '../../../contract/machine-card.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import { HttpError } from '../../http/http-error.ts';
import { cancelPrompt } from '../cancel-prompt.ts';
import type { ComfyClient } from '../comfy-client.ts';
import { readSystemStats, type SystemStats } from './endpoint.ts';
import { judgeHealth, overloaded } from './judge-health.ts';
import type { AlertBook } from './alert-book.ts';
import type { Executions } from './executions.ts';
import type { HealthRecords } from './health-records.ts';
import type { InstanceProcesses } from './processes.ts';
import { QueueWatch } from './queue-watch.ts';
import type { InstanceTiming } from './timing.ts';
import type { WorkflowRecords } from './workflow-records.ts';

const MINUTE = 60_000;

/** What is watched. */
interface WatchedInstance {
  readonly id: string;
  readonly status: InstanceStatus;
  readonly config: InstanceConfig;
  readonly client: ComfyClient;
  /** Rises with every life of its process. */
  readonly life: number;
  readonly executions: Executions;
  readonly workflows: WorkflowRecords;
  readonly records: HealthRecords;
  readonly alerts: AlertBook;
}

interface WatchDeps {
  timing: InstanceTiming;
  /** Absent: nothing is started here. */
  processes: InstanceProcesses | undefined;
  /** Clears stalled prompts. */
  looksAfter: boolean;
  logger: Logger;
  /** Its health or its load may be different now. */
  changed(): void;
  /** Its health says that it needs a restart. */
  broken(reason: string): void;
}

/** Looks at one instance while it runs: its health, its resources, its queue; raises alerts. */
export class HealthWatch {
  readonly #instance: WatchedInstance;
  readonly #deps: WatchDeps;
  readonly #queue = new QueueWatch();
  #timers: NodeJS.Timeout[] = [];
  #checking: Promise<InstanceHealth> | undefined;
  #looking = false;
  #lastChecked: Date | null = null;
  #responseTime = 0;
  #errorCount = 0;
  #failures = 0;
  #failure: string | undefined;
  #failingSince: number | undefined;
  #errors: number[] = [];
  #stats: InstanceSystemStats | undefined;
  #deadThread: string | undefined;
  #clearing = false;

  constructor(instance: WatchedInstance, deps: WatchDeps) {
    this.#instance = instance;
    this.#deps = deps;
  }

  get health(): InstanceHealth {
    return {
      ...this.#verdict(),
      lastChecked: this.#lastChecked,
      responseTime: this.#responseTime,
      errorCount: this.#errorCount,
      consecutiveFailures: this.#failures,
      ...(this.#stats ? { systemStats: this.#stats } : {}),
    };
  }

  /** Prompts there that are not of this process. */
  get foreign(): number {
    return this.#queue.foreign;
  }

  /** It runs: what was known of an earlier life does not count. */
  begin(): void {
    this.end();
    this.#failures = 0;
    this.#failure = undefined;
    this.#failingSince = undefined;
    this.#deadThread = undefined;
    this.#errors = [];
    this.#errorCount = 0;
    this.#queue.reset();
    const { healthMs, resourcesMs } = this.#deps.timing;
    this.#timers = [
      setInterval(() => void this.check(), healthMs).unref(),
      setInterval(() => void this.look(), resourcesMs).unref(),
    ];
    void this.check().then(() => this.look());
  }

  end(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#stats = undefined;
    this.#queue.reset();
    this.#instance.alerts.endAll();
  }

  /** A workflow failed by the instance's fault, or somebody found it broken. */
  failed(message: string): void {
    this.#errorCount += 1;
    this.#errors.push(Date.now());
    this.#instance.records.error(message);
    this.#alert();
  }

  /** Its worker thread is dead, though it answers. */
  dead(message: string): void {
    this.#deadThread = message;
    this.#alert();
    this.#deps.broken(message);
  }

  /** Asks it now. Never rejects: what is wrong is in the answer. */
  check(): Promise<InstanceHealth> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<InstanceHealth> {
    const instance = this.#instance;
    const { timing } = this.#deps;
    const started = performance.now();
    try {
      const stats = await readSystemStats(instance.client);
      this.#responseTime = Math.round(performance.now() - started);
      this.#failures = 0;
      this.#failure = undefined;
      this.#failingSince = undefined;
      this.#take(stats);
      void this.#clearLeft();
    } catch (error) {
      const message = (error as Error).message;
      this.#failures += 1;
      this.#failure = message;
      this.#failingSince ??= started;
      if (instance.status !== 'stopped') this.failed(message);
    }
    this.#lastChecked = new Date();
    const { status, reason } = this.#verdict();
    instance.records.check({
      at: this.#lastChecked.toISOString(),
      status,
      responseTime: this.#failures > 0 ? null : this.#responseTime,
      ...(reason === undefined ? {} : { error: reason }),
    });
    const silentMs = this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince;
    const silence = silentMs >= timing.connectMs ? `no answer for ${Math.round(silentMs / 1_000)} s` : undefined;
    instance.alerts.set('connection_timeout', silence);
    this.#alert();
    if (status === 'unhealthy' && reason !== undefined) this.#deps.broken(reason);
    this.#deps.changed();
    return this.health;
  }

  /** Resources and queue. */
  async look(): Promise<void> {
    if (this.#looking || this.#timers.length === 0) return;
    this.#looking = true;
    const instance = this.#instance;
    const { life } = instance;
    try {
      const stats = await readSystemStats(instance.client);
      if (this.#timers.length === 0 || life !== instance.life) return;
      this.#take(stats);
      if (instance.config.enableQueueMonitoring) {
        this.#queue.take(await instance.client.queue(), (id) => instance.executions.isOwn(id));
        if (this.#stats) this.#stats = { ...this.#stats, activeWorkflows: this.#queue.count };
        await this.#clearStalled();
      }
      if (this.#stats) instance.records.usage({ at: new Date().toISOString(), ...this.#stats });
      this.#alert();
      this.#deps.changed();
    } catch (error) {
      // Nobody listens there any more: not worth waiting for the next check. Silence may be a model that loads.
      if (error instanceof HttpError && error.delivery === 'not_sent') void this.check();
    } finally {
      this.#looking = false;
    }
  }

  #take(stats: SystemStats): void {
    const usage = this.#deps.processes?.usage(this.#instance.id);
    const cpu = usage?.cpuPercent ?? null;
    this.#stats = {
      cpuUsage: cpu === null ? null : Math.min(100, Math.round(cpu / availableParallelism())),
      memoryUsage: stats.memoryUsage,
      ...(stats.gpuUsage === undefined ? {} : { gpuUsage: stats.gpuUsage }),
      ...(stats.gpuMemoryFree === undefined ? {} : { gpuMemoryFree: stats.gpuMemoryFree }),
      activeWorkflows: Math.max(this.#queue.count, this.#instance.executions.active),
    };
  }

  #verdict() {
    return judgeHealth(
      {
        consecutiveFailures: this.#failures,
        lastFailure: this.#failure,
        responseTime: this.#responseTime,
        errorsLastMinute: this.#errorsLastMinute(),
        systemStats: this.#stats,
        deadThread: this.#deadThread,
      },
      this.#deps.timing,
    );
  }

  #errorsLastMinute(): number {
    const from = Date.now() - MINUTE;
    this.#errors = this.#errors.filter((at) => at > from);
    return this.#errors.length;
  }

  #alert(): void {
    const { alerts, id } = this.#instance;
    const { timing } = this.#deps;
    const { status, reason } = this.#verdict();
    const errors = this.#errorsLastMinute();
    const high = overloaded(this.#stats, timing.usagePercent);
    alerts.set('unhealthy', status === 'unhealthy' ? `${id} is unhealthy: ${reason}` : undefined);
    alerts.set('high_error_rate', errors > timing.errorsPerMinute ? `${errors} errors in the last minute` : undefined);
    alerts.set('resource_usage', high);
  }

  /** What runs over its time is interrupted; what does not let go, and a dead thread, need a restart. */
  async #clearStalled(): Promise<void> {
    if (!this.#deps.looksAfter) return;
    const instance = this.#instance;
    const { timing, logger } = this.#deps;
    const dead = this.#queue.idleMs > timing.deadThreadMs;
    if (dead) {
      this.dead(
        `prompts wait and nothing has run for ${Math.round(this.#queue.idleMs / 1_000)} s: its worker thread is dead`,
      );
      return;
    }
    const stalled = this.#queue.runningLonger(instance.config.timeoutMs);
    instance.alerts.set(
      'stalled_workflow',
      stalled
        ? `prompt ${stalled.promptId} runs for ${Math.round(stalled.forMs / 1_000)} s, timeoutMs is over`
        : undefined,
    );
    if (!stalled) return;
    if (stalled.forMs > instance.config.timeoutMs + timing.letGoMs) {
      this.dead(`prompt ${stalled.promptId} does not let go`);
      return;
    }
    logger.warn({ instance_id: instance.id, prompt_id: stalled.promptId }, 'stalled workflow interrupted');
    await instance.client.interrupt(stalled.promptId);
  }

  /** Prompts that were left behind when their jobs went elsewhere. */
  async #clearLeft(): Promise<void> {
    if (this.#clearing) return;
    this.#clearing = true;
    const { workflows, client } = this.#instance;
    try {
      for (const promptId of workflows.left)
        if (await cancelPrompt(client, promptId, { withinMs: 5_000 })) workflows.cleared(promptId);
    } catch (error) {
      this.#deps.logger.debug({ err: error, instance_id: this.#instance.id }, 'left prompts are cleared later');
    } finally {
      this.#clearing = false;
    }
  }
}
