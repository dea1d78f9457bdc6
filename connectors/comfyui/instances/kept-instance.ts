import type { InstanceAlert, InstanceDocument, InstanceHealth, InstanceStats } from '../../../contract/instance.ts';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { InstanceCard, InstanceStatus } from '../../../contract/machine-card.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import type { ComfyClient } from '../comfy-client.ts';
import { AlertBook } from './alert-book.ts';
import type { Load } from './choose-instance.ts';
import { connectInstance, type InstanceConnection, isManagedConfig } from './endpoint.ts';
import { Executions } from './executions.ts';
import { HealthRecords } from './health-records.ts';
import { HealthWatch } from './health-watch.ts';
import { InstanceLostError } from './instance-lost.ts';
import type { InstanceProcesses } from './processes.ts';
import type { SharedState } from './state-file.ts';
import type { InstanceTiming } from './timing.ts';
import { withoutSecrets } from './transfer.ts';
import { WorkflowRecords } from './workflow-records.ts';

/** One ComfyUI with all that is known of it. */
export interface ComfyUIInstance {
  readonly id: string;
  readonly name: string;
  readonly config: InstanceConfig;
  readonly status: InstanceStatus;
  readonly client: ComfyClient;
  readonly health: InstanceHealth;
  readonly stats: InstanceStats;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface InstanceDeps {
  folder: string;
  timing: InstanceTiming;
  /** Absent: nothing is started here, every instance runs by itself. */
  processes: InstanceProcesses | undefined;
  /** Writes the health history, clears stalled prompts. */
  looksAfter: boolean;
  logger: Logger;
  /** Anything that a card or a choice depends on is different now. */
  changed(instance: KeptInstance): void;
  alerted(alert: InstanceAlert): void;
  /** Its health says that it needs a restart. */
  broken(instance: KeptInstance, reason: string): void;
}

/** An instance as its manager keeps it. */
export class KeptInstance implements ComfyUIInstance {
  readonly #deps: InstanceDeps;
  readonly executions: Executions;
  readonly workflows: WorkflowRecords;
  readonly records: HealthRecords;
  readonly alerts: AlertBook;
  readonly watch: HealthWatch;
  readonly createdAt: Date;
  #config: InstanceConfig;
  #connection: InstanceConnection;
  #status: InstanceStatus = 'stopped';
  #reason: string | undefined;
  #startedAt: number | undefined;
  lastUsedAt: Date | null;
  /** Rises with every life of its process. */
  life: number;
  /** The device its process is bound to. */
  gpu: GpuFacts | undefined;

  static async open(
    config: InstanceConfig,
    deps: InstanceDeps,
    former: SharedState | undefined,
  ): Promise<KeptInstance> {
    const records = new HealthRecords(deps.folder, config.id);
    await records.load();
    const instance = new KeptInstance(config, deps, former, records);
    await instance.workflows.save();
    return instance;
  }

  private constructor(
    config: InstanceConfig,
    deps: InstanceDeps,
    former: SharedState | undefined,
    records: HealthRecords,
  ) {
    this.#deps = deps;
    this.#config = config;
    this.#connection = connectInstance(config, deps.timing.connectMs);
    this.records = records;
    this.createdAt = new Date(former?.createdAt ?? Date.now());
    this.lastUsedAt = former?.lastUsedAt === undefined ? null : new Date(former.lastUsedAt);
    this.life = former?.life ?? 0;
    this.workflows = new WorkflowRecords(deps.folder, config.id);
    this.alerts = new AlertBook(config.id, records.history.alerts, (alert) => deps.alerted(alert));
    this.executions = new Executions({
      instanceId: config.id,
      limits: () => ({ most: this.#config.maxConcurrentWorkflows, timeoutMs: this.#config.timeoutMs }),
      client: () => this.client,
      changed: () => {
        this.lastUsedAt = new Date();
        deps.changed(this);
      },
      ended: (record, blame) => {
        this.workflows.add(record);
        if (blame !== undefined) this.watch.failed(blame);
      },
    });
    this.watch = new HealthWatch(this, {
      ...deps,
      changed: () => deps.changed(this),
      broken: (reason) => deps.broken(this, reason),
    });
  }

  get id(): string {
    return this.#config.id;
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): InstanceConfig {
    return this.#config;
  }

  get status(): InstanceStatus {
    return this.#status;
  }

  /** Why it is in `error`, or does not run although it should. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get connection(): InstanceConnection {
    return this.#connection;
  }

  get client(): ComfyClient {
    return this.#connection.client;
  }

  get url(): string {
    return this.#connection.url;
  }

  /** Whether its process is started and stopped on this machine, by this manager or by another. */
  get managed(): boolean {
    return isManagedConfig(this.#config) && (this.#deps.processes !== undefined || !this.#deps.looksAfter);
  }

  get health(): InstanceHealth {
    return this.watch.health;
  }

  get stats(): InstanceStats {
    const { totals } = this.workflows;
    const ended = totals.successfulWorkflows + totals.failedWorkflows;
    return {
      totalWorkflows: totals.totalWorkflows,
      successfulWorkflows: totals.successfulWorkflows,
      failedWorkflows: totals.failedWorkflows,
      averageResponseTime: ended === 0 ? 0 : Math.round(totals.responseMs / ended),
      uptime: this.#startedAt === undefined ? 0 : Math.round(Date.now() - this.#startedAt),
      ...(totals.lastError === undefined ? {} : { lastError: totals.lastError }),
    };
  }

  /** Workflows there, ours and others', by how many it may have. */
  get load(): number {
    return (
      (this.executions.active + this.executions.waiting + this.watch.foreign) / this.#config.maxConcurrentWorkflows
    );
  }

  get standing(): Load {
    return {
      health: this.health.status,
      load: this.load,
      gpuMemoryFree: this.health.systemStats?.gpuMemoryFree ?? 0,
      lastUsed: this.lastUsedAt?.getTime() ?? 0,
    };
  }

  /** Whether a workflow that is given to it now starts at once. */
  get hasRoom(): boolean {
    return this.executions.active + this.watch.foreign < this.#config.maxConcurrentWorkflows;
  }

  /** @param reason in words, where the status does not speak for itself */
  become(status: InstanceStatus, reason?: string): void {
    if (this.#status === status && this.#reason === reason) return;
    const ran = isUp(this.#status);
    this.#status = status;
    this.#reason = reason;
    if (isUp(status) && !ran) {
      this.#startedAt = Date.now();
      this.watch.begin();
    } else if (!isUp(status) && ran) {
      this.#startedAt = undefined;
      this.watch.end();
    }
    this.#deps.logger.info({ instance_id: this.id, status, reason }, 'instance is %s', status);
    this.#deps.changed(this);
  }

  /** Ends the workflows on it, for them to go elsewhere. */
  lose(message: string, queueLost: boolean): void {
    this.executions.end(new InstanceLostError(`${this.id} ${message}`, queueLost));
  }

  /** Another configuration; where it answers may be elsewhere now. */
  configure(config: InstanceConfig): void {
    const former = this.#connection;
    const { timing } = this.#deps;
    this.#config = config;
    const next = connectInstance(config, timing.connectMs);
    this.#connection = next;
    void former.http.close();
    this.executions.wake();
    this.#deps.changed(this);
  }

  card(active: boolean): InstanceCard {
    const error = this.#reason ?? this.health.reason ?? this.stats.lastError;
    return {
      id: this.id,
      name: this.name,
      url: this.url,
      status: this.status,
      health: this.health.status,
      gpus: this.gpu ? [this.gpu.index] : [],
      active_jobs: Math.max(this.executions.active, this.health.systemStats?.activeWorkflows ?? 0),
      max_jobs: this.config.maxConcurrentWorkflows,
      active,
      ...(error === undefined ? {} : { last_error: error }),
    };
  }

  document(active: boolean): InstanceDocument {
    const { id, name, url, managed, status, health, createdAt, lastUsedAt } = this;
    const reason = this.#reason;
    const stats = reason === undefined ? this.stats : { ...this.stats, lastError: reason };
    const alerts = this.alerts.list();
    const config = withoutSecrets(this.config);
    return { id, name, url, managed, active, config, status, health, stats, alerts, createdAt, lastUsedAt };
  }

  /** @param now also what is written seldom */
  async save(now = false): Promise<void> {
    await this.workflows.save();
    if (this.#deps.looksAfter) await this.records.save(this.alerts.list(), now);
  }

  async close(): Promise<void> {
    this.watch.end();
    await this.save(true);
    await this.#connection.http.close();
  }
}

/** Whether it answers, as far as anybody knows. */
export function isUp(status: InstanceStatus): boolean {
  return status === 'running' || status === 'paused';
}
