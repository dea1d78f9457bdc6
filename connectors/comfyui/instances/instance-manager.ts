import type {
  InstanceAlert,
  InstanceDocument,
  InstanceHealth,
  InstanceStats,
  MigrationResult,
} from '../../../contract/instance.ts';
import type { InstanceChange, InstanceConfig, InstanceWish } from '../../../contract/instance.schema.ts';
import type { InstanceCard } from '../../../contract/machine-card.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { ExecuteOptions, InstanceOperation } from './executions.ts';
import { Follower } from './follower.ts';
import type { HealthHistory } from './health-records.ts';
import { InstanceChanges } from './instance-changes.ts';
import { InstanceList } from './instance-list.ts';
import { loadInstancesFile } from './instances-file.ts';
import { type ComfyUIInstance, type InstanceDeps, KeptInstance } from './kept-instance.ts';
import { Lifecycle } from './lifecycle.ts';
import { ManagerFiles } from './manager-files.ts';
import type { InstanceEvent, InstanceManagerOptions } from './manager-options.ts';
import type { SharedState } from './state-file.ts';
import { INSTANCE_TIMING, type InstanceTiming } from './timing.ts';
import { exportText, type ExportOptions } from './transfer.ts';
import type { WorkflowRecord } from './workflow-records.ts';

/**
 * The ComfyUI instances of one user on one machine: makes, starts and watches them, shares workflows out among them,
 * and keeps all of it in files. Call `loadInstances()` first, `close()` last.
 */
export class InstanceManager {
  readonly #options: InstanceManagerOptions;
  readonly #timing: InstanceTiming;
  readonly #list = new InstanceList();
  readonly #lifecycle: Lifecycle;
  readonly #files: ManagerFiles;
  readonly #changes: InstanceChanges;
  readonly #listeners = new Set<(event: InstanceEvent) => void>();
  readonly #owns: boolean;
  #loaded = false;
  #refused: ConnectorError | undefined;
  #problems: string[] = [];
  #migration: MigrationResult | undefined;
  #follower: Follower | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: InstanceManagerOptions) {
    this.#options = options;
    this.#timing = { ...INSTANCE_TIMING, ...options.timing };
    this.#owns = options.role !== 'follower';
    this.#files = new ManagerFiles(options.folder, this.#list, options.logger);
    this.#lifecycle = new Lifecycle({
      list: this.#list,
      processes: this.#owns ? options.processes : undefined,
      rules: () => this.#rules(),
      gpus: () => this.#gpus(),
      timing: this.#timing,
      logger: options.logger,
    });
    this.#changes = new InstanceChanges({
      list: this.#list,
      files: this.#files,
      lifecycle: this.#lifecycle,
      rules: () => this.#rules(),
      open: (config) => this.#open(config, undefined),
      changed: (instanceId) => this.#emit({ type: 'changed', instanceId }),
    });
  }

  /** Where its files lie. */
  get folder(): string {
    return this.#options.folder;
  }

  /** What was wrong when the instances were loaded, in sentences. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** What became of the configuration of a single instance, when there was one. */
  get migration(): MigrationResult | undefined {
    return this.#migration;
  }

  /**
   * Makes an instance; starts nothing. One that runs by itself is asked what it is, if it answers.
   * @throws ConnectorError `validation` with every field that is wrong, `conflict` for a port in use; nothing was changed
   */
  createInstance(wish: InstanceWish): Promise<ComfyUIInstance> {
    return this.#change(() => this.#changes.create(wish));
  }

  getInstance(instanceId: string): ComfyUIInstance | null {
    return this.#list.get(instanceId) ?? null;
  }

  listInstances(): ComfyUIInstance[] {
    return this.#list.all();
  }

  /**
   * Changes fields. Those that its process was started with (port, GPU, variables …) only while it is stopped.
   * @throws ConnectorError `not_found`, `validation`, `conflict`; nothing was changed
   */
  updateInstance(instanceId: string, change: InstanceChange): Promise<void> {
    return this.#change(() => this.#changes.update(instanceId, change));
  }

  /** Stops it and forgets it, with its history. Workflows on it go to others. @throws ConnectorError `not_found` */
  deleteInstance(instanceId: string): Promise<void> {
    return this.#change(() => this.#changes.remove(instanceId));
  }

  /** @throws as `Lifecycle.start`, ConnectorError `not_found` */
  async startInstance(instanceId: string): Promise<void> {
    await this.#live((instance) => this.#lifecycle.start(instance), instanceId);
  }

  /** Stops it; workflows on it go to others. @throws ConnectorError `not_found` */
  async stopInstance(instanceId: string): Promise<void> {
    await this.#live((instance) => this.#lifecycle.stop(instance), instanceId);
  }

  /** It gets no more workflows; those that run come to their end. @throws ConnectorError `not_found`, `conflict` */
  async pauseInstance(instanceId: string): Promise<void> {
    await this.#live((instance) => this.#lifecycle.pause(instance), instanceId);
  }

  /** @throws ConnectorError `not_found`, `conflict` */
  async resumeInstance(instanceId: string): Promise<void> {
    await this.#live((instance) => this.#lifecycle.resume(instance), instanceId);
  }

  /** Stops and starts it; workflows on it go to others. @throws as {@link startInstance} */
  async restartInstance(instanceId: string): Promise<void> {
    await this.#live((instance) => this.#lifecycle.restart(instance), instanceId);
  }

  /** The one that should get the next workflow; null when none runs that is well enough. It may have no room now. */
  getHealthyInstance(): ComfyUIInstance | null {
    return this.#usable()[0] ?? null;
  }

  /** Those that take workflows: healthy before others, least load, most free GPU memory, longest unused. */
  getInstancesByLoad(): ComfyUIInstance[] {
    return this.#list.byLoad();
  }

  /** The one to give a workflow that is to start at once; undefined when all are full. */
  instanceWithRoom(): ComfyUIInstance | undefined {
    return this.#usable().find(({ hasRoom }) => hasRoom);
  }

  /** Whether there will be one before long, when there is none now. */
  someInstanceComes(without: ReadonlySet<string> = new Set()): boolean {
    return this.#list.someComes(without);
  }

  /**
   * Does something on an instance, as one of its workflows: within its limits, counted in its statistics.
   * @param instanceId empty: the active one
   * @param operation throw `execution.signal.reason` when that signal aborts
   * @throws ConnectorError `not_found`, `conflict` unless it runs, `timeout` past `timeoutMs`; InstanceLostError when
   *   the instance goes away; what the operation throws
   */
  async executeOnInstance<T>(
    instanceId: string,
    operation: InstanceOperation<T>,
    options: ExecuteOptions & { whilePaused?: boolean } = {},
  ): Promise<T> {
    const instance = instanceId === '' ? this.#mustActive() : this.#list.find(instanceId);
    const open = instance.status === 'running' || (options.whilePaused === true && instance.status === 'paused');
    if (!open) {
      const why = instance.reason ? ` (${instance.reason})` : '';
      throw new ConnectorError('conflict', `${instance.id} takes no workflows: it is ${instance.status}${why}`);
    }
    return instance.executions.run(operation, options);
  }

  /** A prompt that was left on an instance when its workflow went elsewhere: taken out as soon as that can be done. */
  leaveBehind(instanceId: string, promptId: string): void {
    const instance = this.#list.get(instanceId);
    instance?.workflows.leave(promptId);
    void instance?.watch.check();
  }

  /** Somebody found that it answers and works no more. */
  reportDead(instanceId: string, message: string): void {
    this.#list.get(instanceId)?.watch.dead(message);
  }

  /** Asks it now. Never rejects for what is wrong with it. @throws ConnectorError `not_found` */
  async checkInstanceHealth(instanceId: string): Promise<InstanceHealth> {
    return this.#list.find(instanceId).watch.check();
  }

  /** @throws ConnectorError `not_found` */
  getInstanceStats(instanceId: string): InstanceStats {
    return this.#list.find(instanceId).stats;
  }

  /** @throws ConnectorError `not_found` */
  getHistory(instanceId: string): { health: HealthHistory; workflows: WorkflowRecord[] } {
    const instance = this.#list.find(instanceId);
    return {
      health: { ...instance.records.history, alerts: instance.alerts.list() },
      workflows: instance.workflows.history,
    };
  }

  /** The one that was chosen, else the first that runs, else the first; null when there are none. */
  getActiveInstance(): ComfyUIInstance | null {
    return this.#list.active() ?? null;
  }

  /** @throws ConnectorError `not_found` */
  setActiveInstance(instanceId: string): Promise<void> {
    return this.#change(() => this.#changes.use(instanceId));
  }

  /** Writes the configuration, the state and the history. */
  async saveInstances(): Promise<void> {
    this.#mustOwn();
    await this.#files.save();
  }

  /**
   * Reads the files, and begins to look after the instances. An owner starts those with `autoStart` in the background.
   * @throws ConnectorError `conflict` when the file is of a newer version, or another process looks after this folder;
   *   nothing is changed then, and nothing can be
   */
  async loadInstances(): Promise<void> {
    if (this.#loaded) return;
    try {
      const read = await loadInstancesFile(this.#options.folder, this.#owns);
      if (this.#owns && read.instances.length > 0) this.#files.own();
      this.#problems = read.problems;
      this.#migration = read.migration;
      const states = await this.#files.state.read();
      for (const config of read.instances) this.#list.add(await this.#open(config, states[config.id]));
      this.#list.activeId = read.activeInstanceId;
      this.#loaded = true;
      if (read.problems.length > 0)
        this.#options.logger.warn(
          { problems: read.problems, damaged_file: read.damagedFile },
          'the file of instances was damaged',
        );
      if (this.#owns && read.changed) await this.saveInstances();
      if (this.#owns) this.#resumeFormer(states);
      else this.#follow(states);
    } catch (error) {
      if (error instanceof ConnectorError) this.#refused = error;
      throw error;
    }
    const everyMs = this.#owns ? this.#timing.saveMs : Math.min(this.#timing.saveMs, this.#timing.followMs);
    this.#timer = setInterval(() => void this.#tick(), everyMs).unref();
  }

  /** Of one that only reads along: reads what the owner has said up to now. What cannot be read changes nothing. */
  async refresh(): Promise<void> {
    await this.#follower?.look().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'the files of the instances cannot be read: what is known stands');
    });
  }

  /** The configuration of all, as `importInstances` takes it; without keys unless they are asked for. */
  exportInstances(options: ExportOptions = {}): string {
    return exportText(this.#list.configs(), this.#list.activeId, options);
  }

  /**
   * Adds the instances of an export, or the one of a single-instance configuration; those whose id is there are changed.
   * All or nothing.
   * @returns what became of a single-instance configuration
   * @throws ConnectorError `validation`, `conflict`; nothing was changed
   */
  importInstances(data: string): Promise<MigrationResult | undefined> {
    return this.#change(() => this.#changes.import(data));
  }

  /** For the machine card. */
  cards(): InstanceCard[] {
    const active = this.#list.active();
    return this.#list.all().map((instance) => instance.card(instance === active));
  }

  /** All that is known of an instance, fit to show: secrets are hidden. @throws ConnectorError `not_found` */
  describe(instanceId: string): InstanceDocument {
    const instance = this.#list.find(instanceId);
    return instance.document(instance === this.#list.active());
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: (event: InstanceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Writes what is new and lets go. Processes are left to whoever runs them. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.close();
    this.#files.noteChange();
    for (const instance of this.#list.all()) {
      instance.lose('is left: this process leaves', false);
      // Its process ends with this one, and others must not take it for running.
      if (this.#owns && this.#options.processes && instance.managed) instance.become('stopped');
      await instance.close();
    }
    await this.#files.release();
    this.#loaded = false;
  }

  #usable(): KeptInstance[] {
    return this.#list.byLoad().filter(({ health }) => health.status !== 'unhealthy');
  }

  #mustActive(): KeptInstance {
    const active = this.#list.active();
    if (active) return active;
    throw new ConnectorError('not_found', 'There are no instances: create one first');
  }

  #mustOwn(): void {
    if (this.#refused) throw this.#refused;
    if (!this.#owns)
      throw new ConnectorError(
        'conflict',
        'This process only reads along: ask the machine that looks after the instances',
      );
    if (!this.#loaded) throw new ConnectorError('conflict', 'The instances are not loaded: call loadInstances() first');
    this.#files.own();
  }

  /** Changes of the configuration come one after the other. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      this.#mustOwn();
      return work();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #open(config: InstanceConfig, former: SharedState | undefined): Promise<KeptInstance> {
    const { folder, processes, logger } = this.#options;
    const deps: InstanceDeps = {
      folder,
      timing: this.#timing,
      processes: this.#owns ? processes : undefined,
      looksAfter: this.#owns,
      logger,
      changed: (instance) => {
        this.#files.noteChange();
        this.#emit({ type: 'changed', instanceId: instance.id });
      },
      alerted: (alert) => this.#alerted(alert),
      broken: (instance, reason) => {
        if (this.#owns) void this.#lifecycle.recover(instance, reason);
      },
    };
    return KeptInstance.open(config, deps, former);
  }

  #alerted(alert: InstanceAlert): void {
    const { logger } = this.#options;
    const about = { instance_id: alert.instanceId, alert: alert.kind };
    if (alert.endedAt === undefined) logger.warn(about, 'alert: %s', alert.message);
    else logger.info(about, 'alert is over');
    this.#emit({ type: 'alert', alert });
  }

  /** Processes end with the machine; what runs elsewhere went on. */
  #resumeFormer(states: Record<string, SharedState>): void {
    for (const instance of this.#list.all()) {
      const former = states[instance.id]?.status;
      const outside = !instance.managed && (former === 'running' || former === 'paused');
      if (outside) instance.become(former);
      else if (instance.config.autoStart)
        this.#lifecycle.start(instance).catch((error: unknown) => {
          if (instance.status === 'stopped') instance.become('error', (error as Error).message);
          this.#options.logger.error({ err: error, instance_id: instance.id }, 'instance could not be started');
        });
    }
  }

  #follow(states: Record<string, SharedState>): void {
    this.#follower = new Follower({
      folder: this.#options.folder,
      list: this.#list,
      state: this.#files.state,
      open: (config, former) => this.#open(config, former),
      logger: this.#options.logger,
      emit: (instanceId) => this.#emit({ type: 'changed', instanceId }),
    });
    this.#follower.apply(states);
  }

  /** What it is told to do is written at once: workers go by the file. */
  async #live(work: (instance: KeptInstance) => Promise<void>, instanceId: string): Promise<void> {
    this.#mustOwn();
    try {
      await work(this.#list.find(instanceId));
    } finally {
      await this.#files.saveNowAndThen();
    }
  }

  async #tick(): Promise<void> {
    await this.refresh();
    await this.#files.saveNowAndThen();
  }

  #rules() {
    const { processes } = this.#options;
    return { gpus: this.#gpus(), roots: processes?.roots ?? [], startsProcesses: processes !== undefined };
  }

  #gpus(): readonly GpuFacts[] {
    return this.#options.gpus?.() ?? [];
  }

  /** What a listener does wrong must not end what it listens to. */
  #emit(event: InstanceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a listener to instance events failed');
      }
    }
  }
}
