import { join } from 'node:path';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { InstanceStatus } from '../../../contract/machine-card.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import type { InstanceList } from './instance-list.ts';
import { INSTANCES_FILE, loadInstancesFile } from './instances-file.ts';
import { isUp, type KeptInstance } from './kept-instance.ts';
import { versionOf } from './private-files.ts';
import type { SharedState, StateFile } from './state-file.ts';

interface FollowerDeps {
  folder: string;
  list: InstanceList;
  state: StateFile;
  open(config: InstanceConfig, former: SharedState | undefined): Promise<KeptInstance>;
  logger: Logger;
  emit(instanceId: string): void;
}

/** Keeps a manager that only reads along at what the owner of the files says. */
export class Follower {
  readonly #deps: FollowerDeps;
  #version: string | undefined;
  #states: Record<string, SharedState> = {};
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
  }

  /** Reads what has changed up to now: a look that is under way may have missed it. */
  look(): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(() => this.#look());
    this.#turn = turn;
    return turn;
  }

  async #look(): Promise<void> {
    const version = await versionOf(join(this.#deps.folder, INSTANCES_FILE));
    const states = await this.#deps.state.readChanged();
    if (states) this.#states = states;
    if (version !== this.#version) {
      // Between two writes of its owner it may be gone or damaged: what is known stands then.
      await this.#readConfigs();
      this.#version = version;
      this.apply(this.#states);
    } else if (states) this.apply(states);
  }

  apply(states: Record<string, SharedState>): void {
    this.#states = states;
    for (const instance of this.#deps.list.all()) this.#apply(instance, states[instance.id]);
  }

  #apply(instance: KeptInstance, shared: SharedState | undefined): void {
    // Nobody looks after it: what runs by itself is used when it is meant to.
    const status: InstanceStatus = shared?.status ?? (instance.config.autoStart ? 'running' : 'stopped');
    const newLife = shared !== undefined && shared.life !== instance.life;
    const ran = isUp(instance.status);
    if (shared) instance.life = shared.life;
    if (ran && (!isUp(status) || newLife)) {
      const why = isUp(status) ? 'was restarted' : `is ${status}${shared?.reason ? `: ${shared.reason}` : ''}`;
      instance.become(isUp(status) ? 'starting' : status, shared?.reason);
      instance.lose(why, instance.managed && status !== 'stopping');
    }
    instance.become(status, shared?.reason);
  }

  async #readConfigs(): Promise<void> {
    const { list, folder, logger, emit } = this.#deps;
    const read = await loadInstancesFile(folder, false).catch((error: unknown) => {
      logger.warn({ err: error }, 'the instances cannot be read: those that are known stay');
      return undefined;
    });
    if (!read || read.problems.length > 0) return;
    for (const config of read.instances) {
      const instance = list.get(config.id);
      if (!instance) list.add(await this.#deps.open(config, this.#states[config.id]));
      else if (JSON.stringify(instance.config) !== JSON.stringify(config)) instance.configure(config);
      emit(config.id);
    }
    for (const instance of list.all()) {
      if (read.instances.some(({ id }) => id === instance.id)) continue;
      list.remove(instance.id);
      instance.lose('was deleted', instance.managed);
      await instance.workflows.forget();
      await instance.close();
    }
    list.activeId = read.activeInstanceId;
  }
}
