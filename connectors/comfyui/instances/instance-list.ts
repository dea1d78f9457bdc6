import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { byLoad } from './choose-instance.ts';
import type { KeptInstance } from './kept-instance.ts';

/** The instances of a manager, in the order they were made, and which of them is the active one. */
export class InstanceList {
  readonly #instances = new Map<string, KeptInstance>();
  activeId: string | null = null;

  all(): KeptInstance[] {
    return [...this.#instances.values()];
  }

  configs(): InstanceConfig[] {
    return this.all().map(({ config }) => config);
  }

  get(id: string): KeptInstance | undefined {
    return this.#instances.get(id);
  }

  /** @throws ConnectorError `not_found` that names those there are */
  find(id: string): KeptInstance {
    const found = this.#instances.get(id);
    if (found) return found;
    const known = [...this.#instances.keys()].join(', ') || 'none';
    throw new ConnectorError('not_found', `There is no instance "${id.slice(0, 100)}"; there are: ${known}`);
  }

  add(instance: KeptInstance): void {
    this.#instances.set(instance.id, instance);
  }

  remove(id: string): void {
    this.#instances.delete(id);
    if (this.activeId === id) this.activeId = null;
  }

  /** The active one; when none is, the first that runs, else the first. */
  active(): KeptInstance | undefined {
    const all = this.all();
    const chosen = this.activeId === null ? undefined : this.#instances.get(this.activeId);
    return chosen ?? all.find(({ status }) => status === 'running') ?? all[0];
  }

  /** Those that take jobs, the one that should get the next first. */
  byLoad(): KeptInstance[] {
    const running = this.all().filter(({ status }) => status === 'running');
    return running.toSorted((a, b) => byLoad(a.standing, b.standing));
  }

  /** Whether one may take jobs before long: it starts, or is being restarted. */
  someComes(without: ReadonlySet<string>): boolean {
    return this.all().some(
      ({ id, status, health }) =>
        !without.has(id) && (status === 'starting' || (status === 'running' && health.status !== 'unhealthy')),
    );
  }
}
