import type { Worker } from '@temporalio/worker';
import type { Need } from '../../contract/needs.ts';
import { ANY_POOL, hotQueueOf, taskQueueOf } from '../../contract/task-queues.ts';
import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { modelKey, modelLabel } from '../../platform/routing/need-of.ts';
import { hasModel, lackingFacts, type WorkerFacts } from '../../platform/routing/worker-facts.ts';
import type { CreateDerivedWorker } from './create-pool-workers.ts';

/** How often facts are looked at again: models come and go. Milliseconds. */
const ROUND_MS = 30_000;
/** Loaded models of one route that are told by a queue, the last used ones. */
const HOT_MODELS = 3;

export interface QueueKeeperOptions {
  /** With several for one queue where this process has several connectors for it. */
  routes: readonly CatalogRoute[];
  /** What this worker has for a route. Rejects when it cannot be found out now. @param withModels else they are left out */
  facts(route: CatalogRoute, withModels: boolean): Promise<WorkerFacts>;
  /** Models that are loaded now, where the backend says so; undefined: it does not say. */
  loadedModels?(route: CatalogRoute): Promise<readonly string[] | undefined>;
  create: CreateDerivedWorker;
  /** Runs a worker until it has left. */
  run(worker: Worker): Promise<void>;
  /** Told of each queue that is polled from now on, before it is. */
  opened?(pool: string, taskQueue: string): void;
  closed?(route: CatalogRoute, taskQueue: string): void;
  logger: Logger;
  roundMs?: number;
}

/**
 * Keeps a worker on the queues for what it has: those of the needs on the board that it meets, and those of the models it
 * has loaded. A queue is polled only while somebody has asked for it and the worker has what its name says.
 */
export class QueueKeeper {
  readonly #options: QueueKeeperOptions;
  readonly #open = new Map<string, { worker: Worker; route: CatalogRoute; done: Promise<void> }>();
  /** Last used first. By route, since each has a backend of its own. */
  readonly #hot = new Map<CatalogRoute, string[]>();
  #needs: readonly Need[] = [];
  #round: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  readonly #timer: NodeJS.Timeout;

  constructor(options: QueueKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.roundMs ?? ROUND_MS).unref();
  }

  /** The board has changed. */
  setNeeds(needs: readonly Need[]): void {
    this.#needs = needs;
    void this.#look();
  }

  /** A job that names this model has begun: its backend loads it, if it was not. */
  used(route: CatalogRoute, model: string): void {
    const before = this.#hot.get(route) ?? [];
    if (before[0] !== undefined && modelKey(before[0]) === modelKey(model)) return;
    const rest = before.filter((one) => modelKey(one) !== modelKey(model));
    this.#hot.set(route, [model, ...rest].slice(0, HOT_MODELS));
    void this.#look();
  }

  /** Polls no further queue. Those that are open leave with the process's other workers. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #look(): Promise<void> {
    this.#again = this.#round !== undefined;
    this.#round ??= this.#reconcile()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'derived queues not brought into line'))
      .finally(() => {
        this.#round = undefined;
        if (this.#again && !this.#stopped) void this.#look();
      });
    return this.#round;
  }

  async #reconcile(): Promise<void> {
    const wanted = new Map<string, CatalogRoute>();
    for (const route of this.#options.routes) {
      for (const queue of await this.#queuesOf(route)) if (!wanted.has(queue)) wanted.set(queue, route);
    }
    if (this.#stopped) return;
    for (const [queue, { worker }] of this.#open) {
      if (!wanted.has(queue) && worker.getState() === 'RUNNING') worker.shutdown();
    }
    for (const [queue, route] of wanted) if (!this.#open.has(queue)) await this.#begin(queue, route);
  }

  async #queuesOf(route: CatalogRoute): Promise<string[]> {
    const { pool, capability } = route;
    const hot = await this.#hotModels(route);
    const queues = hot.map((model) => hotQueueOf(pool, capability, modelLabel(model)));
    const needs = this.#needs.filter((need) => need.capability === capability);
    if (needs.length === 0) return queues;
    let facts: WorkerFacts;
    try {
      facts = await this.#options.facts(
        route,
        needs.some(({ terms }) => terms.model !== undefined),
      );
    } catch (error) {
      this.#options.logger.debug({ err: error, capability }, 'what this worker has is not known now');
      return queues;
    }
    for (const { label, terms } of needs) {
      if (lackingFacts(terms, facts).length > 0) continue;
      queues.push(taskQueueOf(pool, capability, label), taskQueueOf(ANY_POOL, capability, label));
      if (terms.model !== undefined && hasModel(hot, terms.model)) queues.push(hotQueueOf(pool, capability, label));
    }
    return queues;
  }

  /** What the backend says, where it does; else what this worker's jobs used last. */
  async #hotModels(route: CatalogRoute): Promise<readonly string[]> {
    const used = this.#hot.get(route) ?? [];
    const loaded = await this.#options.loadedModels?.(route).catch(() => undefined);
    return (loaded ? [...used.slice(0, 1), ...loaded] : used).slice(0, HOT_MODELS);
  }

  async #begin(queue: string, route: CatalogRoute): Promise<void> {
    const { create, run, opened, closed, logger } = this.#options;
    opened?.(route.pool, queue);
    const worker = await create(route, queue);
    const done = run(worker).then(() => {
      this.#open.delete(queue);
      closed?.(route, queue);
      // It may be wanted again by now: on one connection a queue has one worker at a time.
      if (!this.#stopped) void this.#look();
    });
    this.#open.set(queue, { worker, route, done });
    logger.info({ task_queue: queue }, 'polling a queue for what this worker has');
  }
}
