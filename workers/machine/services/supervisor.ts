import { join } from 'node:path';
import type { Logger } from '../../../platform/logging/logger.ts';
import { readProcessTable } from '../../../platform/processes/process-table.ts';
import { examineInstance } from './examine-instance.ts';
import { keepInstance, type KeptInstance } from './kept-instance.ts';
import { ServiceError } from './service-error.ts';
import type { InstanceStatus, ServiceEvent } from './service-events.ts';
import type { InstancePlan } from './service-plan.ts';
import { openServiceRecords } from './service-records.ts';

export interface SupervisorOptions {
  /** Pid files lie in `<runDir>/services`. */
  runDir: string;
  /** A log an instance, `<name>.log`, put aside at 20 MB, two kept. */
  logsDir: string;
  /** Tells this machine's processes from those of another on the same box: its id. */
  scope: string;
  /** Our own environment, of which an allow-list is handed on. */
  env: NodeJS.ProcessEnv;
  logger: Logger;
  /** How often memory and CPU are looked at. Default: 5 s; a look costs about 60 µs a process of the whole box. */
  usageIntervalMs?: number;
}

/** Runs programs: starts them, watches them, restarts them, and stops them with all they have started. */
export interface ServiceSupervisor {
  /** To be called once before anything is started. @returns names of instances an earlier life had left running */
  cleanUpLeftOvers(): Promise<string[]>;
  /**
   * Starts an instance and waits until it is ready; goes on trying in the background of the call, with pauses, as often
   * as its plan says.
   * @throws ServiceError `conflict` when it runs already or a port is taken, `service_unavailable` when it could not be
   *   brought up; before it was first launched nothing was changed
   */
  start(plan: InstancePlan): Promise<InstanceStatus>;
  /** Stops an instance; no harm when it is stopped already. @throws ServiceError `not_found` */
  stop(name: string): Promise<InstanceStatus>;
  /** Stops and starts it with the same plan, or with another. Its restarts are counted anew. @throws ServiceError */
  restart(name: string, plan?: InstancePlan): Promise<InstanceStatus>;
  /** Stops it and forgets it. @throws ServiceError `not_found` */
  remove(name: string): Promise<void>;
  list(): InstanceStatus[];
  /** @throws ServiceError `not_found` */
  get(name: string): InstanceStatus;
  /** @returns a function that ends the subscription */
  subscribe(listener: (event: ServiceEvent) => void): () => void;
  /** Stops all, side by side, and ends the look at their usage. */
  close(): Promise<void>;
  /** Kills everything at once, without waiting: for the last moment of this process. */
  killNow(): void;
}

const USAGE_INTERVAL_MS = 5_000;

export function createServiceSupervisor(options: SupervisorOptions): ServiceSupervisor {
  const records = openServiceRecords(join(options.runDir, 'services'), options.scope);
  const instances = new Map<string, KeptInstance>();
  const listeners = new Set<(event: ServiceEvent) => void>();
  /** What is asked of one instance is done one after the other. */
  const turns = new Map<string, Promise<unknown>>();

  const measure = () => {
    if (instances.size === 0) return;
    const table = readProcessTable();
    for (const instance of instances.values()) instance.measure(table);
  };
  const timer = setInterval(measure, options.usageIntervalMs ?? USAGE_INTERVAL_MS);
  timer.unref();

  function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(name) ?? Promise.resolve()).then(work, work);
    turns.set(name, turn);
    turn.catch(() => {}).finally(() => turns.get(name) === turn && turns.delete(name));
    return turn;
  }

  /** What a listener does wrong must not end what it listens to. */
  function emit(event: ServiceEvent): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        options.logger.error({ err: error, event: event.type }, 'a listener to service events failed');
      }
    }
  }

  function find(name: string): KeptInstance {
    const instance = instances.get(name);
    if (instance) return instance;
    const known = [...instances.keys()].join(', ') || 'none';
    throw new ServiceError('not_found', `there is no service instance "${name}" on this machine; there are: ${known}`);
  }

  async function launch(plan: InstancePlan): Promise<KeptInstance> {
    const before = instances.get(plan.name);
    if (before?.isActive())
      throw new ServiceError('conflict', `${plan.name} runs already: restart it, or stop it first`);
    await examineInstance(plan, options.env);
    await before?.stop();
    const instance = keepInstance({
      plan,
      records,
      logsDir: options.logsDir,
      env: options.env,
      restarts: before?.status().restarts ?? 0,
      emit,
    });
    instances.set(plan.name, instance);
    return instance;
  }

  /** Whoever waits for it does so out of turn, so that a stop can come in between. */
  async function untilReady(instance: KeptInstance): Promise<InstanceStatus> {
    await instance.firstReady;
    return instance.status();
  }

  return {
    cleanUpLeftOvers: () => records.cleanUp(),
    async start(plan) {
      return untilReady(await inTurn(plan.name, () => launch(plan)));
    },
    stop: (name) =>
      inTurn(name, async () => {
        const instance = find(name);
        await instance.stop();
        return instance.status();
      }),
    async restart(name, plan) {
      const next = await inTurn(name, async () => {
        const instance = find(name);
        await instance.stop();
        return launch(plan ?? instance.plan);
      });
      return untilReady(next);
    },
    remove: (name) =>
      inTurn(name, async () => {
        await find(name).stop();
        instances.delete(name);
      }),
    list: () => [...instances.values()].map((instance) => instance.status()),
    get: (name) => find(name).status(),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      clearInterval(timer);
      await Promise.all([...instances.keys()].map((name) => inTurn(name, async () => instances.get(name)?.stop())));
    },
    killNow() {
      for (const instance of instances.values()) instance.killNow();
    },
  };
}
