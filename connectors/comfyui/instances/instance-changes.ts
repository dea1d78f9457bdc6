import { rm } from 'node:fs/promises';
import type { MigrationResult } from '../../../contract/instance.ts';
import type { InstanceChange, InstanceConfig, InstanceWish } from '../../../contract/instance.schema.ts';
import type { MachineRules } from './check-instance.ts';
import type { InstanceList } from './instance-list.ts';
import { isUp, type KeptInstance } from './kept-instance.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ManagerFiles } from './manager-files.ts';
import { planChange, planImport, planNew } from './plan-config.ts';

interface ChangesDeps {
  list: InstanceList;
  files: ManagerFiles;
  lifecycle: Lifecycle;
  rules: () => MachineRules;
  open: (config: InstanceConfig) => Promise<KeptInstance>;
  changed: (instanceId: string) => void;
}

/** Changes of the configuration: each is whole, in memory and in the file, or did not happen. */
export class InstanceChanges {
  readonly #deps: ChangesDeps;

  constructor(deps: ChangesDeps) {
    this.#deps = deps;
  }

  async create(wish: InstanceWish): Promise<KeptInstance> {
    const { list, open, changed, rules } = this.#deps;
    const instance = await open(await planNew(wish, list.configs(), rules()));
    list.add(instance);
    await this.#saveOr(() => this.#drop([instance]));
    changed(instance.id);
    return instance;
  }

  async update(instanceId: string, change: InstanceChange): Promise<void> {
    const { list, rules } = this.#deps;
    const instance = list.find(instanceId);
    const former = instance.config;
    const others = list.configs().filter(({ id }) => id !== instanceId);
    const next = await planChange(former, change, others, rules(), isBusy(instance));
    instance.configure(next);
    await this.#saveOr(async () => instance.configure(former));
  }

  async remove(instanceId: string): Promise<void> {
    const { list, lifecycle, changed } = this.#deps;
    const instance = list.find(instanceId);
    await lifecycle.stop(instance);
    const { activeId } = list;
    list.remove(instanceId);
    await this.#saveOr(async () => {
      list.add(instance);
      list.activeId = activeId;
    });
    await instance.close();
    await instance.workflows.forget();
    for (const path of [instance.workflows.path, instance.records.path]) await rm(path, { force: true });
    changed(instanceId);
  }

  async use(instanceId: string): Promise<void> {
    const { list, changed } = this.#deps;
    list.find(instanceId);
    const former = list.activeId;
    list.activeId = instanceId;
    await this.#saveOr(async () => {
      list.activeId = former;
    });
    changed(instanceId);
  }

  async import(data: string): Promise<MigrationResult | undefined> {
    const { list, rules, open, changed } = this.#deps;
    const plan = await planImport(data, list.configs(), rules(), (id) => {
      const instance = list.get(id);
      return instance !== undefined && isBusy(instance);
    });
    const former = list.all().map((instance) => ({ instance, config: instance.config }));
    const { activeId } = list;
    const fresh: KeptInstance[] = [];
    for (const config of plan.instances) {
      const instance = list.get(config.id);
      if (instance) instance.configure(config);
      else {
        const made = await open(config);
        fresh.push(made);
        list.add(made);
      }
    }
    if (plan.activeInstanceId !== null && activeId === null) list.activeId = plan.activeInstanceId;
    await this.#saveOr(async () => {
      await this.#drop(fresh);
      for (const { instance, config } of former) instance.configure(config);
      list.activeId = activeId;
    });
    for (const { id } of plan.instances) changed(id);
    return plan.migration;
  }

  async #drop(instances: readonly KeptInstance[]): Promise<void> {
    for (const instance of instances) {
      this.#deps.list.remove(instance.id);
      await instance.close();
    }
  }

  async #saveOr(undo: () => Promise<void>): Promise<void> {
    try {
      await this.#deps.files.save();
    } catch (error) {
      await undo();
      throw error;
    }
  }
}

function isBusy({ status }: KeptInstance): boolean {
  return isUp(status) || status === 'starting' || status === 'stopping';
}
