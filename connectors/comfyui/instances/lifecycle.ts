import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { checkInstance, type MachineRules } from './check-instance.ts';
import { readSystemStats } from './endpoint.ts';
import { chooseGpu } from './gpu-choice.ts';
import type { InstanceList } from './instance-list.ts';
import { isUp, type KeptInstance } from './kept-instance.ts';
import { refuse } from './problems.ts';
import type { InstanceProcesses, ProcessEvent } from './processes.ts';
import type { InstanceTiming } from './timing.ts';

interface LifecycleDeps {
  list: InstanceList;
  processes: InstanceProcesses | undefined;
  rules: () => MachineRules;
  gpus: () => readonly GpuFacts[];
  timing: InstanceTiming;
  logger: Logger;
}

const RESTART_WINDOW = 600_000;

/** Starts, stops, pauses and restarts instances; what is asked of one is done one after the other. */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #restarts = new Map<string, number[]>();
  /** Paused ones come back paused. */
  readonly #paused = new Set<string>();
  /** Those that somebody acts on now: what their process does meanwhile is no news. */
  readonly #busy = new Set<string>();
  readonly #unsubscribe: (() => void) | undefined;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.processes?.subscribe((event) => this.#heard(event));
  }

  close(): void {
    this.#unsubscribe?.();
  }

  /**
   * Starts it, and waits until it answers. One that runs already is left as it is.
   * @throws `conflict`, `validation` when it cannot be started as it is configured, and stays as it was;
   *   `service_unavailable` when it does not come up, and is in `error`
   */
  start(instance: KeptInstance): Promise<void> {
    return this.#inTurn(instance, async () => {
      if (isUp(instance.status)) return;
      this.#restarts.delete(instance.id);
      this.#paused.delete(instance.id);
      await this.#bringUp(instance);
    });
  }

  /** Stops it; its workflows go to other instances. */
  stop(instance: KeptInstance): Promise<void> {
    return this.#inTurn(instance, async () => {
      this.#paused.delete(instance.id);
      if (instance.status === 'stopped') return;
      await this.#takeDown(instance, 'was stopped');
      instance.become('stopped');
    });
  }

  /** Takes no more workflows; those that run come to their end. @throws ConnectorError `conflict` unless it runs */
  pause(instance: KeptInstance): Promise<void> {
    return this.#inTurn(instance, async () => {
      if (instance.status === 'paused') return;
      if (instance.status !== 'running') throw wrongState(instance, 'paused', 'running');
      this.#paused.add(instance.id);
      instance.become('paused');
    });
  }

  /** @throws ConnectorError `conflict` unless it is paused */
  resume(instance: KeptInstance): Promise<void> {
    return this.#inTurn(instance, async () => {
      if (instance.status === 'running') return;
      if (instance.status !== 'paused') throw wrongState(instance, 'resumed', 'paused');
      this.#paused.delete(instance.id);
      instance.become('running');
    });
  }

  /** Stops and starts it. @throws as {@link start} */
  restart(instance: KeptInstance, why = 'is restarted'): Promise<void> {
    return this.#inTurn(instance, async () => {
      if (instance.status !== 'stopped') await this.#takeDown(instance, why, 'starting');
      await this.#bringUp(instance);
    });
  }

  /** Its health says that it is broken: restarted when its process is ours, and not too often. */
  async recover(instance: KeptInstance, why: string): Promise<void> {
    if (!this.#isManaged(instance) || !isUp(instance.status) || this.#busy.has(instance.id)) return;
    const now = Date.now();
    const lately = (this.#restarts.get(instance.id) ?? []).filter((at) => at > now - RESTART_WINDOW);
    this.#busy.add(instance.id);
    try {
      if (lately.length >= this.#deps.timing.restarts) {
        await this.#takeDown(instance, why);
        instance.become('error', `${why}; restarted ${lately.length} times in ten minutes already`);
        return;
      }
      this.#restarts.set(instance.id, [...lately, now]);
      this.#deps.logger.warn({ instance_id: instance.id, why }, 'unhealthy instance is restarted');
      await this.restart(instance, `is restarted: ${why}`);
    } catch (error) {
      this.#deps.logger.error({ err: error, instance_id: instance.id }, 'instance could not be restarted');
    } finally {
      this.#busy.delete(instance.id);
    }
  }

  async #bringUp(instance: KeptInstance): Promise<void> {
    const { processes } = this.#deps;
    const before = instance.status;
    if (!processes || !this.#isManaged(instance)) {
      instance.become('starting');
      try {
        await readSystemStats(instance.client);
      } catch (error) {
        instance.become('error', (error as Error).message);
        throw error;
      }
    } else {
      const gpu = this.#choose(instance);
      // At once: whoever is started beside it takes another.
      instance.gpu = gpu;
      const others = this.#deps.list.all().filter((other) => other !== instance);
      const problems = checkInstance(
        instance.config,
        others.map(({ config }) => config),
        this.#deps.rules(),
      );
      try {
        refuse(problems, `${instance.id} cannot be started`);
        await processes.examine(instance.config, gpu);
      } catch (error) {
        instance.gpu = undefined;
        // Somebody who waits for a restart must not take it for running.
        if (before === 'starting') instance.become('error', (error as Error).message);
        throw error;
      }
      instance.become('starting');
      try {
        await processes.start(instance.config, gpu);
      } catch (error) {
        instance.gpu = undefined;
        instance.become('error', (error as Error).message);
        throw error;
      }
    }
    instance.life += 1;
    instance.become(this.#paused.has(instance.id) ? 'paused' : 'running');
    await instance.watch.check();
  }

  async #takeDown(instance: KeptInstance, why: string, next: 'stopping' | 'starting' = 'stopping'): Promise<void> {
    const managed = this.#isManaged(instance);
    instance.become(next, next === 'starting' ? why : undefined);
    if (managed) await this.#deps.processes?.stop(instance.id);
    instance.gpu = undefined;
    // Not before its process is gone: its queue is lost for sure then, and a workflow may run elsewhere.
    instance.lose(why, managed);
  }

  #choose(instance: KeptInstance): GpuFacts | undefined {
    const others = this.#deps.list.all().filter((other) => other !== instance && other.gpu !== undefined);
    const choice = chooseGpu(
      instance.config,
      this.#deps.gpus(),
      others.map(({ gpu }) => gpu),
    );
    return 'gpu' in choice ? choice.gpu : undefined;
  }

  #isManaged(instance: KeptInstance): boolean {
    return this.#deps.processes !== undefined && instance.managed;
  }

  #heard(event: ProcessEvent): void {
    const instance = this.#deps.list.get(event.id);
    if (!instance || this.#busy.has(event.id) || this.#turns.has(event.id)) return;
    if (event.type === 'gone') {
      if (!isUp(instance.status) && instance.status !== 'starting') return;
      instance.become(event.restarting ? 'starting' : 'error', event.reason);
      instance.watch.failed(`its process ${event.reason}`);
      instance.lose(`died: ${event.reason}`, true);
    } else if (instance.status === 'starting' || instance.status === 'error') {
      instance.life += 1;
      instance.become(this.#paused.has(event.id) ? 'paused' : 'running');
    }
  }

  #inTurn(instance: KeptInstance, work: () => Promise<void>): Promise<void> {
    const { id } = instance;
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work, work);
    this.#turns.set(id, turn);
    turn.catch(() => {}).finally(() => this.#turns.get(id) === turn && this.#turns.delete(id));
    return turn;
  }
}

function wrongState({ id, status }: KeptInstance, asked: string, needed: string): ConnectorError {
  return new ConnectorError('conflict', `${id} cannot be ${asked}: it is ${status}, not ${needed}`);
}
